"""Stores of several datasets: one NetCDF file with a group for each setting or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from stagewise.core.unanswered import require_answer
from stagewise.stores.files import ENGINE, Attributes, plain_attribute, reading_netcdf, write_netcdf
from stagewise.stores.layout import StoreLayout

_LARGE = 500_000
"""Variables with more entries are compressed."""


def write_groups(
    path: str | Path,
    datasets: Mapping[str, xr.Dataset],
    attributes: Attributes,
    layout: StoreLayout,
) -> None:
    """Write a dataset of every setting, atomically; attributes are repeated in each group.

    Parameters
    ----------
    path : str or Path
    datasets : mapping of str to Dataset
        By name of the setting.
    attributes : mapping
        Text and numbers.
    layout : StoreLayout
        Of each dataset.

    Raises
    ------
    StoreError
        If a dataset breaks the layout, or the file cannot be written.
    """
    nodes, encoding = {}, {}
    for name, dataset in datasets.items():
        checked = layout.check(dataset)
        plain = {k: plain_attribute(v) for k, v in {**checked.attrs, **attributes}.items()}
        large = [key for key, v in checked.data_vars.items() if v.size > _LARGE]
        nodes[name] = checked.assign_attrs(plain)
        encoding[f"/{name}"] = {key: {"zlib": True, "complevel": 1} for key in large}
    write_netcdf(path, xr.DataTree.from_dict(nodes), encoding)


def read_groups(path: str | Path, layout: StoreLayout) -> dict[str, xr.Dataset]:
    """Read every setting of an experiment, layout checked.

    Raises
    ------
    StoreError
        If the file is missing or damaged, or breaks its layout.
    """
    with reading_netcdf(path):
        tree = xr.load_datatree(path, engine=ENGINE)
    require_answer(tree.attrs)
    return {name: layout.check(node.to_dataset()) for name, node in tree.children.items()}
