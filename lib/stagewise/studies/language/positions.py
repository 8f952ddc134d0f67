"""The positional embedding: what the loss owes to it, its shape (Hoogland et al. 2024, App. C.3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA

from stagewise.core.replicas import Params


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
