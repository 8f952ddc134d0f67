"""What the checks look at, and what they return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.claims.layout import VERDICTS
from stagewise.claims.run_evidence import RunEvidence
from stagewise.development.llc_curve import StageSettings
from stagewise.studies.language.claims.evidence import LanguageEvidence
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.scurves.claims.evidence import ScurvesEvidence

SUPPORTED, REFUTED, MIXED, NOT_TESTABLE = VERDICTS


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check.

    Parameters
    ----------
    verdict : str
        One of `claims.layout.VERDICTS`.
    value : str
        What was measured, seed by seed.
    uncertainty : str
        How sure the measured value is.
    seeds : tuple of int
        Seeds that the verdict rests on.
    """

    verdict: str
    value: str = ""
    uncertainty: str = ""
    seeds: tuple[int, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that the checks may look at.

    Parameters
    ----------
    runs : sequence of RunEvidence
    noise_variance : float
        Variance of the label noise.
    published_types : str
        Stage types that the paper found, as in AABBA.
    stage_settings : StageSettings
        How milestones were found.
    draw_seed : int
        Seed of the posterior draws behind milestones.
    validation : pandas.DataFrame, optional
        Estimates of known learning coefficients; layout `exact.layout.VALIDATION`.
    scurves : ScurvesEvidence, optional
        Measures of the S-curve study.
    modular : ModularEvidence, optional
        What was measured in the modular-addition study.
    language : LanguageEvidence, optional
        What was measured of language models.
    """

    runs: Sequence[RunEvidence]
    noise_variance: float
    published_types: str
    stage_settings: StageSettings
    draw_seed: int
    validation: pd.DataFrame | None = None
    scurves: ScurvesEvidence | None = None
    modular: ModularEvidence | None = None
    language: LanguageEvidence | None = None

    def of(self, variant: str, *settings: str) -> list[RunEvidence]:
        """Return the runs of a variant that have an LLC under all of the settings named."""
        return [
            run
            for run in self.runs
            if run.variant == variant and all(setting in run.curves for setting in settings)
        ]


def overall(outcomes: Mapping[int, bool | None]) -> str:
    """Return one verdict for the outcomes of seeds, where None is a seed that cannot be tested.

    Supported if every testable seed agrees, refuted if every seed disagrees, else mixed; a seed that
    cannot be tested does not disagree.
    """
    known = [outcome for outcome in outcomes.values() if outcome is not None]
    if not known:
        return NOT_TESTABLE
    if all(known):
        return SUPPORTED
    return MIXED if any(known) or len(known) < len(outcomes) else REFUTED


def minimum(metrics: xr.Dataset, name: str) -> tuple[float, float, float]:
    """Return the step, value and standard error of a metric's minimum over training."""
    index = int(np.nanargmin(metrics[name].values))
    at = metrics.isel(step=index)
    return float(at.step), float(at[name]), float(at[f"{name}_stderr"])


def listed(parts: Mapping[int, str]) -> str:
    """Return what is known of each seed as one line of text."""
    return "; ".join(f"seed {seed}: {text}" for seed, text in parts.items())
