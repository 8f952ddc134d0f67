"""How learned vectors lie to those of the truth: cosines, parts captured, angles between spans."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import mul

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from stagewise.studies.scurves.tasks import inner_product


def cosines(vectors: Tensor, targets: Tensor) -> Tensor:
    """Return cosines of vectors (..., k, d) and targets (..., l, d), shape (..., k, l)."""
    unit = torch.nn.functional.normalize
    return unit(vectors, dim=-1) @ unit(targets, dim=-1).mT


def captured_share(
    vectors: Tensor, targets: Tensor, groups: Sequence[Sequence[int]], num_targets: int
) -> Tensor:
    """Return how much of each target the learned tensor holds: 1 at equality, 0 for none.

    With one factor, target l is its own product of vectors, and the share is the learned tensor's
    inner product with it over the true tensor's. With several factors only the whole tensor is meant.

    Parameters
    ----------
    vectors, targets : Tensor, shape (replica, component, rank, dimension)
    groups : sequence of sequence of int
    num_targets : int
        Only the first so many.

    Returns
    -------
    Tensor, shape (replica, target)
    """
    if len(groups) > 1:
        truth = inner_product(targets, targets, groups)
        return (inner_product(targets, vectors, groups) / truth)[:, None]

    def overlap(tensor: Tensor) -> Tensor:
        products = tensor @ targets[:, :, :num_targets].mT
        return reduce(mul, products.unbind(1)).sum(-2)

    return overlap(vectors) / overlap(targets)


def largest_angle(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest principal angle between the spans of two sets of row vectors, in radians.

    NaN if a vector is not finite.
    """
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return float("nan")
    return float(scipy.linalg.subspace_angles(one.T, other.T)[0])


def leading_directions(matrix: np.ndarray, count: int) -> np.ndarray:
    """Return the first left singular vectors of a matrix as rows, shape (count, dimension)."""
    return np.linalg.svd(matrix)[0][:, :count].T
