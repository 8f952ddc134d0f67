"""What is known of a run that was trained for itself: its metrics and its LLC curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class Curve:
    """A run's LLC under one sampler setting.

    Parameters
    ----------
    llc : xarray.Dataset
        Estimates along ``step``; layout `llc.layout.LLC`.
    milestones, stages : pandas.DataFrame
        In order of time; layouts of `development.layout`.
    """

    llc: xr.Dataset
    milestones: pd.DataFrame
    stages: pd.DataFrame

    @property
    def sequence(self) -> str:
        """Types of the stages in order, as in AABBA."""
        return "".join(self.stages["type"])

    def milestone(self, index: int) -> pd.Series:
        """Return a milestone, counted from 0."""
        return self.milestones.iloc[index]

    def peak(self) -> int | None:
        """Return the index of the first milestone at which a rise turns into a fall, if any."""
        index = self.sequence.find("AB")
        return index if index >= 0 else None

    def trough(self) -> int | None:
        """Return the index of the milestone that ends the fall after the peak, if any."""
        peak = self.peak()
        index = -1 if peak is None else self.sequence.find("BA", peak)
        return index if index >= 0 else None


@dataclass(frozen=True)
class RunEvidence:
    """What is known of one run.

    Parameters
    ----------
    name, variant : str
    seed : int
    metrics : xarray.Dataset
        Layout `regression.layout.METRICS` or that of the language study, with standard errors.
    curves : mapping of str to Curve
        By sampler setting; empty where no LLC was asked for.
    audit : pandas.DataFrame, optional
        Layout `llc.layout.AUDIT`.
    """

    name: str
    variant: str
    seed: int
    metrics: xr.Dataset
    curves: Mapping[str, Curve] = field(default_factory=dict)
    audit: pd.DataFrame | None = None
