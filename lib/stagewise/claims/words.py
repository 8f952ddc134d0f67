"""Numbers of checks in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import pandas as pd

from stagewise.core.intervals import share_interval


def listed(parts: Mapping[int, str]) -> str:
    """Return what is known of each seed as one line of text."""
    return "; ".join(f"seed {seed}: {text}" for seed, text in parts.items())


def share_text(flags: pd.Series) -> str:
    """Return the share of runs with its 95 % interval in words."""
    low, high = share_interval(int(flags.sum()), len(flags))
    return f"{flags.mean():.2f} [{low:.2f}, {high:.2f}]"


def spread_text(values: pd.Series, digits: int = 3) -> str:
    """Return median and quartiles in words."""
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return f"{middle:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def seeds_of(*tables: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds that occur in any of the tables."""
    return tuple(sorted({int(seed) for table in tables for seed in table.index}))


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Return seeds as text; five or more in a row are written by their ends, as in 0-99."""
    parts: list[str] = []
    runs = groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0])
    for _, pairs in runs:
        run = [str(seed) for _, seed in pairs]
        parts += run if len(run) < 5 else [f"{run[0]}-{run[-1]}"]
    return ", ".join(parts)
