"""Whether vectors that compete have bumps more often than others: a difference with its interval."""

from __future__ import annotations

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


def bump_contrast(rows: pd.DataFrame, level: float) -> Contrast | None:
    """Compare how often vectors have a bump that compete and that do not.

    Vectors of one run are not independent, so the interval is normal with the jackknife's standard
    error over seeds.

    Parameters
    ----------
    rows : DataFrame
        Runs of one setting; layout `scurves.layout.MEASURES`.
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
