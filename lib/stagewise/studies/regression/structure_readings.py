"""What figures and claims read from a store of structure."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr

from stagewise.studies.regression.attention import label_numbers, scored_queries
from stagewise.studies.regression.structure_layout import LABELS, QUERY_KINDS


def variance_shares(structure: xr.Dataset, name: str) -> xr.DataArray:
    """Return the squared singular values of an embedding as shares of their sum, largest first.

    Parameters
    ----------
    structure : Dataset
        Layout `structure_layout.STRUCTURE`.
    name : {"token", "position"}
    """
    squares = structure[f"{name}_singular_value"] ** 2
    return squares / squares.sum(str(squares.dims[-1]))


def principal_cosines(structure: xr.Dataset, space: str) -> xr.DataArray:
    """Return the cosines of the principal angles, the largest first, dims (step, component)."""
    angles = structure["principal_angle"].sel(space=space)
    return angles.copy(data=np.cos(angles.to_numpy()))


def mean_square_cosine(structure: xr.Dataset, space: str) -> xr.DataArray:
    """Return the mean squared cosine of the principal angles, along ``step``.

    That of random spaces is the dimension of the positions' space over that of the residual stream.
    """
    return (principal_cosines(structure, space) ** 2).mean("component")


def share_below(weights: xr.DataArray, below: float) -> xr.DataArray:
    """Return the share of weights below `below` times the root mean square of the first step's.

    Parameters
    ----------
    weights : DataArray, dims (step, ..., channel)
    below : float
    """
    first = np.sqrt((weights.isel(step=0) ** 2).mean("channel"))
    return (abs(weights) < below * first).mean("channel")


def half_heads(structure: xr.Dataset, name: str) -> xr.DataArray:
    """Return entropy or variability by head and kind of query, dims (step, layer, head, query_kind).

    Means over the queries of `attention.scored_queries`.
    """
    values = structure[name]
    kinds = [
        values.isel(query=places).mean("query") for places in scored_queries(values.sizes["query"])
    ]
    return xr.concat(kinds, xr.DataArray(list(QUERY_KINDS), dims="query_kind")).transpose(
        "step", "layer", "head", "query_kind"
    )


def head_labels(structure: xr.Dataset) -> np.ndarray:
    """Return what each head is called by its mean scores, shape (step, layer, head, query kind)."""
    scores = torch.from_numpy(structure["head_score"].values)
    return np.array(LABELS)[label_numbers(scores, float(structure.attrs["threshold"])).numpy()]
