"""What is known of a run that was trained for itself: its metrics and its LLC curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.core.unanswered import UnansweredError


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

    @property
    def soundness(self) -> tuple[int, int]:
        """How many estimates of the curve are sound, and of how many."""
        first = self.stages.iloc[0]
        return int(first["num_sound"]), int(first["num_estimates"])

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
        Along ``step``, with standard errors; layout of the run's study.
    curves : mapping of str to Curve
        By sampler setting; empty where no LLC was asked for.
    """

    name: str
    variant: str
    seed: int
    metrics: xr.Dataset
    curves: Mapping[str, Curve] = field(default_factory=dict)


def sound_runs(
    runs: Sequence[RunEvidence], setting: str, min_sound: float
) -> tuple[list[RunEvidence], dict[int, str]]:
    """Return the runs whose stages can be believed, and by seed what is wrong with the others.

    Parameters
    ----------
    runs : sequence of RunEvidence
    setting : str
        Of the sampler.
    min_sound : float
        Least share of a curve's estimates that are sound.
    """
    kept, wrong = [], {}
    for run in runs:
        try:
            sound, count = run.curves[setting].soundness
        except UnansweredError as error:
            wrong[run.seed] = str(error)
            continue
        if sound >= min_sound * count:
            kept.append(run)
        else:
            wrong[run.seed] = f"{sound} of {count} estimates are sound"
    return kept, wrong


def minimum(metrics: xr.Dataset, name: str) -> tuple[float, float, float]:
    """Return the step, value and standard error of a metric's minimum over training."""
    index = int(np.nanargmin(metrics[name].values))
    at = metrics.isel(step=index)
    return float(at.step), float(at[name]), float(at[f"{name}_stderr"])
