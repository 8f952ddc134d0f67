"""What the checks of the S-curve claims look at: one row of measures a run, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from stagewise.claims.missing import found
from stagewise.studies.scurves.layout import CONTRASTS, MEASURES
from stagewise.studies.scurves.selection import kept


@dataclass(frozen=True)
class ScurvesEvidence:
    """The measures of every run, and comparisons of bumps.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    contrasts : DataFrame
        Layout `scurves.layout.CONTRASTS`.
    """

    measures: pd.DataFrame
    contrasts: pd.DataFrame

    def runs(self, setting: str, rate: float | None = None) -> pd.DataFrame:
        """Return the runs of a setting that did not diverge; see `scurves.selection.kept`."""
        return kept(self.measures, setting, rate)

    def cases(self, setting: str) -> list[pd.DataFrame]:
        """Return the runs of each case of a setting that did not diverge, indexed by seed."""
        rows = self.measures[self.measures["setting"] == setting]
        return [part[~part["diverged"]].set_index("seed") for _, part in rows.groupby("case")]

    def excluded(self, *settings: str) -> str:
        """Say how many runs of settings diverged and are left out."""
        rows = self.measures[self.measures["setting"].isin(settings)]
        return f"{int(rows['diverged'].sum())} of {len(rows)} runs diverged, left out"


def read(measures: str, contrasts: str) -> ScurvesEvidence:
    """Read the tables."""
    return ScurvesEvidence(found(MEASURES.read, measures), found(CONTRASTS.read, contrasts))
