"""What a trajectory without forms looks like: random walks at the pace of a run.

A walk whose steps are all alike is no null for a run that moves fast and then slowly: in log time
the turns of a walk at such a pace are forms in many cases. The surrogates here keep the run's own
step lengths, as they are after smoothing, and have random directions. A run that stays closer
together than a walk of such steps turns more often than it; its surrogates are pulled back as much.
Source: Hoogland et al. (2024), Appendix B.7; Shinn (2023).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stagewise.development.essential_dynamics import smooth, smoothing_widths, walk_scores
from stagewise.development.settings import FormSettings

NAME = "random walks with the run's own step lengths and size"
"""The null hypothesis, in words."""

NUM_ROUNDS, NUM_PILOTS = 3, 20
"""How often the pace of the walks is corrected, and by how many walks."""

PULLS = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Pulls tried, of which the least suffices under which walks are as compact as the run."""


class Walks(NamedTuple):
    """Smoothed scores of random walks, shape (W, T, d), and how strongly they are pulled back."""

    scores: np.ndarray
    pull: float


def matched_walks(smoothed: np.ndarray, settings: FormSettings, seed: int) -> Walks:
    """Random walks that, smoothed as the run was, move as fast as it at every time.

    The principal components of a walk do not show all of its steps, least at its ends, and smoothing
    shortens steps; so the variances of the steps are corrected until the mean squared step of the
    walks is that of the run.

    Parameters
    ----------
    smoothed : ndarray, shape (T, d)
        Smoothed scores of the run.
    settings : FormSettings
        Smoothing, dimension and number of the walks.
    seed : int
        Seed of the walks.

    Returns
    -------
    Walks
        As many as `settings` says, in the unit of the scores of the run.
    """
    num_pcs = smoothed.shape[1]
    dimension = max(settings.null_dimension, num_pcs)

    def walks(variance: np.ndarray, pull: float, count: int, key: int) -> np.ndarray:
        raw = walk_scores(variance, dimension, num_pcs, count, key, pull)
        # Smoothing is linear and the same for every column: one pass serves all walks.
        columns = raw.transpose(1, 0, 2).reshape(len(smoothed), -1)
        columns = smooth(columns, settings.sigma_start, settings.sigma_end)
        return columns.reshape(len(smoothed), count, num_pcs).transpose(1, 0, 2)

    target, roughness = _pace(smoothed, settings), _roughness(smoothed)
    # A Gaussian kernel of width s divides the variance of a white sequence by 2 sqrt(pi) s.
    widths = smoothing_widths(len(smoothed), settings.sigma_start, settings.sigma_end)[1:]
    variance = target * np.maximum(2 * np.sqrt(np.pi) * widths, 1.0)
    pull = PULLS[0]
    if settings.num_surrogates and np.isfinite(roughness):
        for number in range(NUM_ROUNDS):
            for pull in PULLS:
                pilots = walks(variance, pull, NUM_PILOTS, seed + 1 + number)
                if np.median([_roughness(pilot) for pilot in pilots]) >= roughness:
                    break
            reached = np.mean([_pace(pilot, settings) for pilot in pilots], axis=0)
            ratio = np.divide(target, reached, out=np.ones_like(target), where=reached > 0)
            variance = variance * np.clip(ratio, 0.1, 10.0)
    return Walks(walks(variance, pull, settings.num_surrogates, seed), pull)


def _pace(smoothed: np.ndarray, settings: FormSettings) -> np.ndarray:
    """Mean squared step near each sample, over the width of the kernel there."""
    squares = (np.diff(smoothed, axis=0) ** 2).sum(axis=1)
    return smooth(squares, settings.sigma_start, settings.sigma_end)


def _roughness(smoothed: np.ndarray) -> float:
    """Length of the trajectory over its size."""
    size = np.sqrt(np.var(smoothed, axis=0).sum())
    return float(np.linalg.norm(np.diff(smoothed, axis=0), axis=1).sum() / size) if size else np.nan
