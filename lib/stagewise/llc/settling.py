"""Whether chains ran away, and whether they came to rest: what their traces say of either.

A healthy chain has no ceiling. In a quadratic loss with d stiff directions n_beta (L - L(w*)) is half a
chi-squared variable of d degrees, and the minibatch adds noise to it: for small d or small batches a
draw of many times d/2 is an ordinary event, and more draws make it surer. So draws are compared with
the quantile that all of them together hardly reach.

A chain that has not moved has no floor either: it stays near w*, agrees with its neighbours and gives
an LLC near 0. What tells it from a settled one is that it walks as if nothing held it: |w - w*|^2 and
the loss grow in proportion to the steps.
"""

from __future__ import annotations

import numpy as np
from scipy.special import chdtri, stdtrit

FACTOR = 10.0
"""A chain ran away beyond this multiple of what a regular model that used all its parameters shows;
minibatches and finite steps warm healthy chains by less."""

TAIL = 1e-6
"""Probability that any draw of a healthy chain exceeds the quantile, before the factor."""

LEVEL_TAIL = 0.05
"""The same of a chain's median: as of a single draw, for draws may be as good as one."""

CONFIDENCE = 0.95
"""Intervals over chains, Student's t."""

FREE_SHARE = 0.75
"""Growth below this share of a free walk's is that of a chain which something holds."""


def margin(values: np.ndarray) -> float:
    """Return half the width of the interval of a mean over chains; none for a single chain."""
    if len(values) < 2:
        return 0.0
    quantile = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    return quantile * float(values.std(ddof=1)) / float(np.sqrt(len(values)))


def ran_away(
    excess: np.ndarray, displacement: np.ndarray, num_parameters: int, localization: float
) -> np.ndarray:
    """Say which chains diverged, shape (chain,).

    Parameters
    ----------
    excess : ndarray, shape (chain, draw)
        n_beta (L - L(w*)), paired or not.
    displacement : ndarray, shape (chain, draw)
        |w - w*|.
    num_parameters : int
        d.
    localization : float
        gamma.

    Returns
    -------
    ndarray of bool, shape (chain,)
        A draw is not finite; or is `FACTOR` times above the chi-squared quantile and the noise of the
        minibatch, which is what differs from a draw to the next; or their median is above a lower
        quantile; or |w - w*| is beyond what the pull alone would allow.
    """
    draws = excess.shape[1]
    extreme, high = chdtri(num_parameters, [TAIL / draws, LEVEL_TAIL])
    finite = (np.isfinite(excess) & np.isfinite(displacement)).all(axis=1)
    gone = ~finite
    for chain in np.flatnonzero(finite):
        one = excess[chain]
        noise = 1.05 * np.median(np.abs(np.diff(one))) if draws > 1 else 0.0  # a normal's s.d.
        gone[chain] = (
            one.max() > FACTOR * (extreme / 2 + noise)
            or np.median(one) > FACTOR * high / 2
            or localization * displacement[chain].max() ** 2 > FACTOR * extreme
        )
    return gone


def growth(values: np.ndarray) -> np.ndarray:
    """Return how much the mean over the second half of the draws exceeds that over the first.

    Parameters
    ----------
    values : ndarray, shape (chain, draw)

    Returns
    -------
    ndarray, shape (chain,)
    """
    early, late = np.array_split(values, 2, axis=1)
    return np.asarray(late.mean(axis=1) - early.mean(axis=1))


def free_growth(num_burnin: int, num_steps: int) -> float:
    """Return `growth` over the mean of what is proportional to the steps since w*.

    Parameters
    ----------
    num_burnin, num_steps : int
        Steps before the first draw, and from there to the last.
    """
    return (num_steps / 2) / (num_burnin + num_steps / 2)


def held(change: float, error: float, mean: float, free: float) -> bool:
    """Say whether a growth, by its bound from above, is less than `FREE_SHARE` of a free walk's.

    Parameters
    ----------
    change, error, mean : float
        From the first to the second half of the draws, half the width of its interval, and the mean
        over both; of a mean that is not positive nothing is shown.
    free : float
        See `free_growth`.
    """
    return change + error < FREE_SHARE * free * mean
