"""Losses, LLCs and essential dynamics of language models (Figs. 1a, 2a, 6a, 12 and 21)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd
import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.plots.forms_in_time import forms_in_time
from stagewise.plots.loss_and_llc import Beside, loss_and_llc
from stagewise.plots.planes import planes
from stagewise.plots.slopes import slopes
from stagewise.studies.language.landmarks import loss_bump

UNIT = "nats per token"
SHOWN = "published"
"""Sampler setting whose stages colour figures that show one division only."""


@dataclass(frozen=True)
class Development:
    """A run along training; mappings are by sampler setting.

    Parameters
    ----------
    metrics : Dataset
        Layout `language.layout.METRICS`.
    llc, curves : mapping of str to Dataset
        Layout `llc.layout.LLC` and ``curve``.
    milestones, stages : mapping of str to DataFrame
        Layouts of `development.layout`.
    """

    metrics: xr.Dataset
    llc: Mapping[str, xr.Dataset]
    curves: Mapping[str, xr.Dataset]
    milestones: Mapping[str, pd.DataFrame]
    stages: Mapping[str, pd.DataFrame]


def loss_rise(metrics: xr.Dataset) -> str:
    """Say how far the test loss rises above the least it had been: the bump that claim L8 is about."""
    bump = loss_bump(metrics)
    if not bump.value > 0:
        return "the loss never rises"
    return (
        f"largest rise of the loss:\n{bump.value:.3f} ± {bump.stderr:.3f}, top at step "
        f"{style.short_step(bump.step)}"
    )


def loss_with_bigrams(found: Development, beside: Development | None = None) -> Drawn:
    """Draw loss and LLC of a run, with the step at which it knows bigrams best.

    Parameters
    ----------
    found : Development
    beside : Development, optional
        A run to compare with.
    """
    score = found.metrics["bigram_score"].to_numpy()
    return loss_and_llc(
        [found.metrics],
        {setting: [llc] for setting, llc in found.llc.items()},
        found.stages,
        found.metrics.attrs["run"],
        loss_unit=UNIT,
        marks={"bigram score least": float(found.metrics["step"][int(score.argmin())])},
        beside=Beside(beside.metrics, beside.llc) if beside else None,
        remark=loss_rise(found.metrics),
    )


def curve_figures(
    two: Development, one: Development, ed: xr.Dataset, forms: xr.Dataset, tolerance: float
) -> tuple[Drawn, ...]:
    """Draw figures 1a, 2a, 6a, 12 and 21 of a two-layer and a one-layer run.

    Parameters
    ----------
    two, one : Development
    ed, forms : Dataset
        Of the two-layer run.
    tolerance : float
        Near plateau: |slope| below this share of the largest.
    """
    return (
        loss_with_bigrams(two),
        planes(ed, forms, two.stages[SHOWN], SHOWN),
        forms_in_time(ed, forms, two.stages[SHOWN], SHOWN),
        slopes(
            two.metrics,
            two.llc[SHOWN],
            two.curves[SHOWN],
            two.milestones[SHOWN],
            two.stages[SHOWN],
            tolerance,
            UNIT,
        ),
        loss_with_bigrams(one, two),
    )
