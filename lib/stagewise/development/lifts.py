"""Do all planes of a trajectory turn about one point? The centres of their circles, lifted, at any time.

Each plane of two components sees the point about which the trajectory turns through two of its
coordinates, and each coordinate is seen by several planes. Where these agree, the centres are
projections of one point (Hoogland et al. 2024, Definition B.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from stagewise.development import plane_curves

NUM_MOMENTS = 160
"""Times, even in log(1 + step), at which a lift is tried."""


class Lifts(NamedTuple):
    """Centres of the planes' circles, shape (moment, pair, 2), and the residual of each lift."""

    centres: np.ndarray
    residual: np.ndarray


def lift(
    pairs: Sequence[tuple[int, int]], centres: np.ndarray, size: float
) -> tuple[np.ndarray, float]:
    """Find the point whose projections are nearest to the centres in all planes.

    Parameters
    ----------
    pairs : sequence of (int, int)
        Components of each plane, counted from 0; every pair of them once.
    centres : ndarray, shape (pairs, 2)
        One centre a plane.
    size : float
        Size of the trajectory.

    Returns
    -------
    point : ndarray, shape (d,)
        Least-squares point.
    residual : float
        Root-mean-square distance of the centres' coordinates from its own, as a share of `size`.
    """
    axes, values = np.array(pairs).ravel(), np.asarray(centres).ravel()
    # Each coordinate is seen by d - 1 pairs with equal weight: least squares is their mean.
    point = np.bincount(axes, values) / np.bincount(axes)
    return point, float(np.sqrt(np.mean((values - point[axes]) ** 2)) / size)


def moments(log_steps: np.ndarray) -> np.ndarray:
    """Return the samples nearest to times that are even in log(1 + step), each once."""
    times = np.linspace(log_steps[0], log_steps[-1], NUM_MOMENTS)
    return np.unique(np.abs(log_steps[:, None] - times).argmin(axis=0))


def lifts_at(indices: np.ndarray, smoothed: np.ndarray, size: float, min_chord: float) -> Lifts:
    """Lift the centres of all planes' circles at some samples of a trajectory.

    Parameters
    ----------
    indices : ndarray of int, shape (moment,)
    smoothed : ndarray, shape (T, d)
        Smoothed scores.
    size : float
        Size of the trajectory.
    min_chord : float
        Distance from the sample to the other two points of a circle, as a share of the size of the
        plane curve.

    Returns
    -------
    Lifts
        The residual is NaN where a plane has no circle.
    """
    pairs = list(combinations(range(smoothed.shape[1]), 2))
    planes = []
    for pair in pairs:
        x, y = smoothed[:, list(pair)].T
        chord = min_chord * plane_curves.curve_size(x, y)
        planes.append(plane_curves.centres_at(x, y, indices, chord))
    centres = np.stack(planes, axis=1)
    return Lifts(centres, np.array([lift(pairs, here, size)[1] for here in centres]))
