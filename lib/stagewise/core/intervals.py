"""Intervals of shares and means over runs, and p-values adjusted for being many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.stats


def share_interval(successes: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's interval of a share (scipy.stats.binomtest)."""
    interval = scipy.stats.binomtest(successes, count).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Return mean, low and high end of Student's interval; the ends are NaN for a single value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, float("nan"), float("nan")
    error = scipy.stats.sem(values) * scipy.stats.t.ppf(0.5 + level / 2, len(values) - 1)
    return mean, mean - float(error), mean + float(error)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is adjusted below a smaller
    one, nor above 1 (Holm 1979).
    """
    order = np.argsort(p_values)
    factors = np.arange(len(order), 0, -1)
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()
