"""Differences in bumps with intervals: Adam against descent, vectors that compete against others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from stagewise.core.intervals import mean_interval
from stagewise.studies.scurves.selection import kept

ADAM = {"rank2": "adam2", "rank10": "adam10", "full": "adamfull"}
"""Setting with Adam for each setting of descent that starts from the same vectors."""

RIVALS = ("rank2", "rank4", "rank10", "adam2", "adam10")
"""Settings in which vectors that compete are compared with others."""


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
        None if all vectors compete or none does, with or without any one seed, or if all have a bump or
        none has: nothing can differ then.
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
    bumped, vectors = total[0] + total[2], total[1] + total[3]
    if len(rows) < 2 or not (without_one[[1, 3]] > 0).all() or bumped in (0, vectors):
        return None
    difference = total[0] / total[1] - total[2] / total[3]
    each = without_one[0] / without_one[1] - without_one[2] / without_one[3]
    error = np.sqrt((len(each) - 1) * np.mean((each - each.mean()) ** 2))
    reach = float(error * scipy.stats.norm.ppf(0.5 + level / 2))
    return Contrast(float(difference), float(difference - reach), float(difference + reach))


def contrast_table(measures: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return the differences in bumps of all comparisons.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    alpha : float
        Error that the intervals over `RIVALS` have together (Bonferroni).

    Returns
    -------
    DataFrame
        Layout `scurves.layout.CONTRASTS`. Kind "adam": mean over seeds of a run's bumps with Adam less
        those with descent, with its 95 % interval. Kind "competition": result of `bump_contrast`, NaN
        for None.
    """
    rows: list[dict[str, object]] = []
    for descent, adam in ADAM.items():
        both = kept(measures, adam).join(
            kept(measures, descent), how="inner", suffixes=("", "_descent")
        )
        more = (both["bumps"] - both["bumps_descent"]).to_numpy()
        contrast = Contrast(*mean_interval(more)) if len(more) else None
        rows.append(_row("adam", descent, len(both), contrast, 0.95))
    level = 1 - alpha / len(RIVALS)
    for setting in RIVALS:
        runs = kept(measures, setting)
        rows.append(_row("competition", setting, len(runs), bump_contrast(runs, level), level))
    return pd.DataFrame(rows)


def contrast_of(table: pd.DataFrame, kind: str, setting: str) -> Contrast | None:
    """Return one row of a table of layout `scurves.layout.CONTRASTS`; None without a difference."""
    row = table[(table["kind"] == kind) & (table["setting"] == setting)].iloc[0]
    found = Contrast(*(float(row[name]) for name in ("difference", "low", "high")))
    return None if np.isnan(found.difference) else found


def _row(
    kind: str, setting: str, runs: int, contrast: Contrast | None, level: float
) -> dict[str, object]:
    found = contrast or Contrast(np.nan, np.nan, np.nan)
    return {"kind": kind, "setting": setting, "runs": runs, **vars(found), "level": level}
