"""Loss and LLC of a language model over training, with the step at which it knows bigrams best."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from stagewise.plots import loss_and_llc, style
from stagewise.plots.drawn import Drawn
from stagewise.studies.language.figures.panels import first_shown
from stagewise.studies.language.landmarks import BIGRAM, BUMP, Landmark, landmarks_of


def loss_rise(bump: Landmark) -> str:
    """Say how far the test loss rises above the least it had been: the bump that claim L8 is about."""
    if not bump.value > 0:
        return "the loss never rises"
    return (
        f"largest rise of the loss:\n{bump.value:.3f} ± {bump.stderr:.3f}, top at step "
        f"{style.short_step(bump.step)}"
    )


def draw(
    *,
    metrics: xr.Dataset,
    llcs: Mapping[str, xr.Dataset],
    stages: Mapping[str, pd.DataFrame],
    landmarks: pd.DataFrame,
    loss_unit: str,
    beside_metrics: xr.Dataset | None = None,
    beside_llcs: Mapping[str, xr.Dataset] | None = None,
) -> Drawn:
    """Draw loss and LLC of one run, with another run to compare with.

    Parameters
    ----------
    metrics : Dataset
        Layout `language.layout.METRICS`.
    llcs : mapping of str to Dataset
        By sampler setting; layout `llc.layout.LLC`.
    stages : mapping of str to DataFrame
        By sampler setting; layout `development.layout.STAGES`.
    landmarks : DataFrame
        Layout `language.layout.LANDMARKS`.
    loss_unit : str
    beside_metrics : Dataset, optional
        Of the run to compare with.
    beside_llcs : mapping of str to Dataset, optional
        Of the run to compare with, by sampler setting.
    """
    run, found = metrics.attrs["run"], landmarks_of(landmarks)
    beside = None
    if beside_metrics is not None and beside_llcs is not None:
        beside = loss_and_llc.Beside(beside_metrics, beside_llcs)
    return loss_and_llc.draw(
        metrics={run: metrics},
        llcs={run: llcs},
        stages=stages,
        run=run,
        loss_unit=loss_unit,
        marks={"bigram score least": found[BIGRAM].step},
        beside=beside,
        remark=loss_rise(found[BUMP]),
        first=first_shown(float(metrics["step"].max())),
    )
