"""Comparisons over seeds: intervals of shares, means and differences, and adjusted p-values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats


@dataclass(frozen=True)
class Contrast:
    """A difference of two shares with its interval."""

    difference: float
    low: float
    high: float


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


def bump_contrast(rows: pd.DataFrame, level: float) -> Contrast | None:
    """Compare how often vectors have a bump that compete and that do not.

    Vectors of one run are not independent, so the interval is normal with the jackknife's standard
    error over seeds.

    Parameters
    ----------
    rows : DataFrame
        Runs of one setting; contract ``scurves_measures`` of `lib.schemas`.
    level : float
        Of the interval.

    Returns
    -------
    Contrast or None
        None if all vectors compete or none does, with or without any one seed.
    """
    counts = np.stack(
        [
            rows["bumped_competing_vectors"],
            rows["competing_vectors"],
            rows["bumped_vectors"] - rows["bumped_competing_vectors"],
            rows["vectors"] - rows["competing_vectors"],
        ]
    ).astype(float)
    total = counts.sum(1)
    without_one = total[:, None] - counts
    if len(rows) < 2 or not (without_one[[1, 3]] > 0).all():
        return None
    difference = total[0] / total[1] - total[2] / total[3]
    each = without_one[0] / without_one[1] - without_one[2] / without_one[3]
    error = np.sqrt((len(each) - 1) * np.mean((each - each.mean()) ** 2))
    reach = float(error * scipy.stats.norm.ppf(0.5 + level / 2))
    return Contrast(float(difference), float(difference - reach), float(difference + reach))
