"""What the checks of the language claims look at: runs of two depths, and the forms of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.claims.missing import Missing, found
from stagewise.claims.reading import Paths, read_curves, read_runs
from stagewise.claims.run_evidence import RunEvidence, sound_runs
from stagewise.studies.language.landmarks import Landmark, landmarks_of
from stagewise.studies.language.layout import FORM_CONTENTS, LANDMARKS, METRICS

NO_HEADS = "no induction heads"


@dataclass(frozen=True)
class LanguageEvidence:
    """Runs with metrics and LLC curves, and what the forms of two layers are about.

    Parameters
    ----------
    runs : sequence of RunEvidence
        Variants ``twolayers`` and ``onelayer``; metrics of layout `language.layout.METRICS`.
    landmarks : mapping of str to mapping
        By run, landmarks by name; see `language.landmarks`.
    forms : mapping of str to pandas.DataFrame
        By run that has essential dynamics; layout `language.layout.FORM_CONTENTS`.
    published_types : str
        Stage types that the paper found for two layers.
    """

    runs: Sequence[RunEvidence]
    landmarks: Mapping[str, Mapping[str, Landmark]]
    forms: Mapping[str, pd.DataFrame]
    published_types: str

    def of(self, variant: str) -> list[RunEvidence]:
        """Return the runs of a variant."""
        return [run for run in self.runs if run.variant == variant]

    def pairs(self) -> Iterator[tuple[RunEvidence, RunEvidence]]:
        """Yield a two-layer and a one-layer run for every seed that both have."""
        one = {run.seed: run for run in self.of("onelayer")}
        for run in self.of("twolayers"):
            if run.seed in one:
                yield run, one[run.seed]

    def control(self, run: RunEvidence) -> RunEvidence | None:
        """Return the one-layer run that a two-layer run is compared with: of its seed, or the first."""
        ones = self.of("onelayer")
        return next((one for one in ones if one.seed == run.seed), ones[0] if ones else None)


def read(
    metrics: Paths,
    llc: Paths,
    milestones: Paths,
    stages: Paths,
    landmarks: Paths,
    forms: Paths,
    *,
    runs: Sequence[Mapping[str, Any]],
    curves: Sequence[Sequence[str]],
    followed: Sequence[str],
    published_types: str,
) -> LanguageEvidence:
    """Read the stores of all runs and the tables of forms, `followed` by run; see `claims.reading`."""
    known = read_curves(curves, llc, milestones, stages)
    marks: dict[str, Any] = {}
    for path in landmarks:
        table = found(LANDMARKS.read, path)
        if isinstance(table, Missing):
            marks[Path(path).parent.name] = table
        else:
            marks[str(table["run"].iloc[0])] = landmarks_of(table)
    contents = {
        name: found(FORM_CONTENTS.read, path) for name, path in zip(followed, forms, strict=True)
    }
    measured = read_runs(runs, metrics, METRICS, known)
    return LanguageEvidence(measured, marks, contents, published_types)


def crossing(series: xr.DataArray, share: float) -> float:
    """Return the first step at which a series has made a share of its rise from start to maximum."""
    values = series.to_numpy()
    level = values[0] + share * (values.max() - values[0])
    return float(series["step"][int(np.argmax(values >= level))])


def best_head(scores: xr.DataArray, layer: int) -> int:
    """Return the index of a layer's head that reaches the highest score.

    Parameters
    ----------
    scores : DataArray, dims (step, layer, head)
    layer : int
        From 0.
    """
    return int(scores.isel(layer=layer).max("step").to_numpy().argmax())


def best_scores(scores: xr.DataArray, layer: int) -> xr.DataArray:
    """Return the scores of `best_head` along training."""
    return scores.isel(layer=layer, head=best_head(scores, layer))


def unsound(runs: Sequence[RunEvidence], setting: str, min_sound: float) -> dict[int, str]:
    """Return by seed why stages cannot be believed, for the runs whose stages cannot.

    See `claims.run_evidence.sound_runs`; of a run without an LLC under the setting there are none.
    """
    curved = [run for run in runs if setting in run.curves]
    _, wrong = sound_runs(curved, setting, min_sound)
    return wrong | {run.seed: "no LLC was estimated" for run in runs if setting not in run.curves}


def paired_change(
    metrics: xr.Dataset, steps: tuple[float, float], control: xr.Dataset | None = None
) -> tuple[float, float]:
    """Return the change of the ICL score between two steps and its standard error, paired by row.

    Parameters
    ----------
    metrics : Dataset
        Layout `language.layout.METRICS`.
    steps : tuple of float
        The earlier and the later checkpoint.
    control : Dataset, optional
        Of another run on the same rows and checkpoints, whose change is subtracted row by row.
    """
    changes = [
        np.subtract(*(one["icl_score_row"].sel(step=step).to_numpy() for step in reversed(steps)))
        for one in (metrics, control)
        if one is not None
    ]
    rows = changes[0] - changes[1] if control is not None else changes[0]
    return float(rows.mean()), float(rows.std(ddof=1) / len(rows) ** 0.5)


def has_induction(run: RunEvidence, min_prefix: float) -> bool:
    """Say whether a head of the second layer matches prefixes at all."""
    return bool(best_scores(run.metrics["prefix_matching_score"], 1).max() > min_prefix)
