"""What the checks of the modular-addition claims look at: a table of runs, and stores along training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from stagewise.claims.missing import found
from stagewise.llc.table import read_curves
from stagewise.stores.groups import read_groups
from stagewise.studies.modular.layout import COMPARISON, GRADIENTS, GROWTH, LAWS, MODES, RUNS


@dataclass(frozen=True)
class ModularEvidence:
    """The measures of every run, and what was followed of some.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    laws, comparison, growth : DataFrame
        Of the time to generalise and of learned modes; layouts `modular.layout.LAWS`, ``COMPARISON`` and
        ``GROWTH``.
    modes, gradients : mapping of str to Dataset
        By setting; layout `modular.layout.MODES` and `modular.layout.GRADIENTS`.
    llc : mapping of str to Dataset
        By run, setting and seed as in ``late-s0``; layout `llc.layout.LLC`.
    """

    runs: pd.DataFrame
    laws: pd.DataFrame
    comparison: pd.DataFrame
    growth: pd.DataFrame
    modes: Mapping[str, xr.Dataset]
    gradients: Mapping[str, xr.Dataset]
    llc: Mapping[str, xr.Dataset]

    def of(self, *settings: str) -> pd.DataFrame:
        """Return the runs of some settings with a column ``generalises``; of all without a name.

        A run that diverged has not generalised. Runs on random tables are left out: nothing
        generalises from them.
        """
        rows = self.runs[self.runs["labels"] == "sum"]
        if settings:
            rows = rows[rows["setting"].isin(settings)]
        return rows.assign(generalises=rows["outcome"] == "generalise")

    def run(self, setting: str, seed: int) -> pd.Series:
        """Return a run of a setting's first case."""
        rows = self.runs[(self.runs["setting"] == setting) & (self.runs["seed"] == seed)]
        return rows.iloc[0]


def read(
    runs: str,
    laws: str,
    comparison: str,
    growth: str,
    modes: str,
    gradients: str,
    llc: Sequence[str],
) -> ModularEvidence:
    """Read all, layouts checked; the LLC has a store a run."""
    return ModularEvidence(
        found(RUNS.read, runs),
        found(LAWS.read, laws),
        found(COMPARISON.read, comparison),
        found(GROWTH.read, growth),
        found(read_groups, modes, MODES),
        found(read_groups, gradients, GRADIENTS),
        found(read_curves, llc),
    )
