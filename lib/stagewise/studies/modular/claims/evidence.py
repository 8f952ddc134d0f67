"""What the checks of the modular-addition claims look at: a table of runs, and stores along training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import xarray as xr

from stagewise.stores.groups import read_settings
from stagewise.stores.schemas import read_table


@dataclass(frozen=True)
class ModularEvidence:
    """The measures of every run, and what was followed of some.

    Parameters
    ----------
    runs : DataFrame
        Contract ``modular_runs`` of `stores.schemas`.
    modes, gradients : mapping of str to Dataset
        By setting; contracts ``modular_modes`` and ``modular_gradients``.
    llc : mapping of str to Dataset
        By setting and seed, as in ``late-s0``; contract ``llc``.
    """

    runs: pd.DataFrame
    modes: Mapping[str, xr.Dataset]
    gradients: Mapping[str, xr.Dataset]
    llc: Mapping[str, xr.Dataset]

    @classmethod
    def read(
        cls, runs: str | Path, modes: str | Path, gradients: str | Path, llc: str | Path
    ) -> ModularEvidence:
        """Read all four, contracts checked."""
        return cls(
            read_table(runs, "modular_runs"),
            read_settings(modes, "modular_modes"),
            read_settings(gradients, "modular_gradients"),
            read_settings(llc, "llc"),
        )

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
