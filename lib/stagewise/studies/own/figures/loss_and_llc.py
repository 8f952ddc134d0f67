"""Loss and LLC of one run over training, a column a sampler setting."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from stagewise.plots import loss_and_llc
from stagewise.plots.drawn import Drawn


def draw(
    *,
    metrics: xr.Dataset,
    llcs: Mapping[str, xr.Dataset],
    stages: Mapping[str, pd.DataFrame],
) -> Drawn:
    """Draw the loss above the LLC; see `plots.loss_and_llc.draw`, for a single run.

    Parameters
    ----------
    metrics : Dataset
        Layout `studies.own.layout.METRICS`.
    llcs, stages : mapping of str to Dataset and to DataFrame
        By sampler setting.
    """
    run = str(metrics.attrs["run"])
    return loss_and_llc.draw(
        metrics={run: metrics},
        llcs={run: llcs},
        stages=stages,
        run=run,
        title=f"Run {run}",
        loss_name="Loss",
        loss_unit="on the subject's samples",
    )
