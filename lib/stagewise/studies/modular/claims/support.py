"""Tests and words that the checks of the modular-addition claims share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from stagewise.core.intervals import mean_interval

CASE = ["setting", "learning_rate", "weight_decay", "initial_scale"]
"""Columns that tell cells of a sweep apart; their runs differ by seed alone."""


def more_often(first: pd.Series, second: pd.Series) -> float:
    """Return the p-value of Fisher's exact test, one-sided, that the first is true more often.

    Runs of equal seed share split and initial parameters; that makes shares more alike and the test
    err on the side of no difference.
    """
    table = [[int(flags.sum()), int((~flags).sum())] for flags in (first, second)]
    return float(scipy.stats.fisher_exact(table, alternative="greater").pvalue)


def sooner(first: pd.Series, second: pd.Series) -> float:
    """Return the p-value of a one-sided Mann-Whitney test that the first values are smaller."""
    return float(scipy.stats.mannwhitneyu(first, second, alternative="less").pvalue)


def interval_text(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """Return mean and Student's 95 % interval over runs in words."""
    mean, low, high = mean_interval(np.asarray(values, dtype=float))
    return f"{mean:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def seeds_in(rows: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds of a table of runs."""
    return tuple(sorted(int(seed) for seed in rows["seed"].unique()))


def cells(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the runs of each cell of a sweep."""
    for _, part in rows.groupby(CASE, sort=True):
        yield part


def count_text(flags: pd.Series) -> str:
    """Return a share as counts: 5 of 6."""
    return f"{int(flags.sum())} of {len(flags)}"
