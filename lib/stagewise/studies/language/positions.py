"""The positional embedding: what the loss owes to it, and its shape (seed 003, App. C.3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.language.behaviour import losses_of
from stagewise.studies.language.model import NetworkSettings, without_positions


def ablation_losses(
    params: Params, network: NetworkSettings, rows: Tensor, positions: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the losses of predictions with the positional embedding, and with it zeroed.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    rows : Tensor of int64, shape (row, token)
    positions : list of int
        Context positions: how many tokens a prediction sees, from 1 to n_ctx - 1.

    Returns
    -------
    tuple of two Tensor of float64, shape (row, position)
    """
    places = torch.tensor(positions) - 1
    whole = losses_of(params, network, rows)[:, places]
    return whole, losses_of(without_positions(params), network, rows)[:, places]


@dataclass(frozen=True)
class PositionalShape:
    """Principal components of the positional embedding over positions.

    Parameters
    ----------
    explained_variance_ratio : ndarray, shape (pc,)
    scores : ndarray, shape (position, pc)
    norm : ndarray, shape (position,)
        Euclidean length of each position's embedding.
    """

    explained_variance_ratio: np.ndarray
    scores: np.ndarray
    norm: np.ndarray


def positional_shape(params: Params, num_components: int) -> PositionalShape:
    """Return the positional embedding's principal components and norms."""
    embedding = params["position_embedding.weight"].double().numpy(force=True)
    pca = PCA(num_components, svd_solver="full")
    scores = pca.fit_transform(embedding)
    return PositionalShape(pca.explained_variance_ratio_, scores, np.linalg.norm(embedding, axis=1))
