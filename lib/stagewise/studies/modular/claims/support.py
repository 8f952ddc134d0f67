"""Tests and words that the checks of the modular-addition claims share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import scipy.stats

from stagewise.core.intervals import mean_interval

CASE = ["setting", "learning_rate", "weight_decay", "initial_scale"]
"""Columns that tell cells of a sweep apart; their runs differ by seed alone."""


def by_seed(
    rows: pd.DataFrame, choice: str | Sequence[str] = CASE, of: str = "generalises"
) -> pd.DataFrame:
    """Return a value by seed and choice, the mean over what else differs.

    The seed is the unit of replication, however many runs of it there are.
    """
    return rows.astype({of: float}).pivot_table(of, "seed", choice, aggfunc="mean")


def best_elsewhere(table: pd.DataFrame) -> pd.Series:
    """Return each seed's value at the choice that is best over the other seeds.

    A choice made on the runs that it is tested on looks better than it is.

    Parameters
    ----------
    table : DataFrame
        Of `by_seed`, with two seeds or more.
    """
    values = {seed: table.at[seed, table.drop(index=seed).mean().idxmax()] for seed in table.index}
    return pd.Series(values)


def larger(first: pd.Series, second: pd.Series) -> float:
    """Return the one-sided p-value that the first is larger, by a permutation test paired by seed.

    Runs of equal seed share split and initial parameters. Signs of the differences are flipped in
    all ways, or in many if there are many seeds.
    """
    pairs = pd.concat([first, second], axis=1, join="inner").dropna().to_numpy(dtype=float)
    test = scipy.stats.permutation_test(
        tuple(pairs.T),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def sooner(first: pd.Series, second: pd.Series) -> float:
    """Return the one-sided p-value that the first times are earlier, paired by seed.

    By the signs of the differences, because a run that does not get there has an infinite time.
    """
    first, second = first.align(second, join="inner")
    return larger((first < second).astype(float), (second < first).astype(float))


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
