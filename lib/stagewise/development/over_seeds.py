"""Milestones over seeds: one seed's interval says how well its curve is known, not how seeds differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from stagewise.core.intervals import mean_interval


def milestones_over_seeds(
    milestones: Sequence[pd.DataFrame], sequences: Sequence[str], level: float = 0.95
) -> pd.DataFrame:
    """Return where the milestones of several seeds lie, with intervals over seeds.

    Milestones of seeds that pass through the same stages are matched by their order. The place of
    one is the mean of u = log(1 + step), and its interval Student's: the seed is the unit of
    replication, and what each seed's own curve leaves open is part of how seeds differ.

    Parameters
    ----------
    milestones : sequence of DataFrame
        Of each seed, in order of time, with ``log_step`` and ``kind``; see `stages.find_milestones`.
    sequences : sequence of str
        Stage types of each seed, as in 'AAB'.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        One row a milestone of each sequence, the sequence of most seeds first: ``sequence``,
        ``order`` (from 1), ``kind``, ``num_seeds`` (that have the sequence), ``log_step``, and in
        steps ``step``, ``interval_low`` and ``interval_high``, which are NaN for a single seed.

    Raises
    ------
    ValueError
        If a seed's milestones do not divide training into as many stages as its sequence has.
    """
    pairs = list(zip(milestones, sequences, strict=True))
    for own, sequence in pairs:
        if len(own) != len(sequence) - 1:
            raise ValueError(f"{len(own)} milestones do not divide training in stages {sequence}")
    rows = []
    for sequence, count in Counter(sequences).most_common():
        alike = [own for own, types in pairs if types == sequence]
        places = np.array([own["log_step"] for own in alike], dtype=float)
        for order, at in enumerate(places.T):
            kind = alike[0]["kind"].iloc[order]
            mean, low, high = mean_interval(at, level)
            rows.append((sequence, order + 1, kind, count, mean, *np.expm1([mean, low, high])))
    columns = ["sequence", "order", "kind", "num_seeds"]
    return pd.DataFrame(
        rows, columns=[*columns, "log_step", "step", "interval_low", "interval_high"]
    )
