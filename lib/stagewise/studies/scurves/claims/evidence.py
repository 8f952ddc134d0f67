"""What the checks of the S-curve claims look at: one row of measures a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stagewise.studies.scurves.layout import MEASURES


@dataclass(frozen=True)
class ScurvesEvidence:
    """The measures of every run.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    """

    measures: pd.DataFrame

    def runs(self, setting: str, rate: float | None = None) -> pd.DataFrame:
        """Return the runs of a setting that did not diverge, indexed by seed.

        Parameters
        ----------
        setting : str
        rate : float, optional
            Learning rate; without one, that of the setting's first case.
        """
        rows = self._all(setting)
        chosen = rows["case"] == 0 if rate is None else np.isclose(rows["learning_rate"], rate)
        return rows[chosen & ~rows["diverged"]].set_index("seed")

    def cases(self, setting: str) -> list[pd.DataFrame]:
        """Return the runs of each case of a setting that did not diverge, indexed by seed."""
        rows = self._all(setting)
        return [part[~part["diverged"]].set_index("seed") for _, part in rows.groupby("case")]

    def excluded(self, *settings: str) -> str:
        """Say how many runs of settings diverged and are left out."""
        rows = self.measures[self.measures["setting"].isin(settings)]
        return f"{int(rows['diverged'].sum())} of {len(rows)} runs diverged, left out"

    def _all(self, setting: str) -> pd.DataFrame:
        return self.measures[self.measures["setting"] == setting]


def read(measures: str) -> ScurvesEvidence:
    """Read the table."""
    return ScurvesEvidence(MEASURES.read(measures))
