"""The figures of one run from what is at hand in a notebook, without stores and run names."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from stagewise.development.llc_curve import with_soundness
from stagewise.development.settings import FormSettings
from stagewise.plots import forms_in_time, loss_and_llc, planes, traces
from stagewise.plots.drawn import Drawn


def figures_along(
    llc: xr.Dataset,
    stages: pd.DataFrame,
    ed: xr.Dataset | None = None,
    forms: xr.Dataset | None = None,
    settings: FormSettings | None = None,
    *,
    run: str = "own",
    setting: str = "sampler",
) -> dict[str, Drawn]:
    """Draw what was found of one run along its training.

    Parameters
    ----------
    llc : xarray.Dataset
        Result of `llc.along.llc_along`.
    stages : DataFrame
        ``stages`` of `development.stages.find_stages`.
    ed, forms : xarray.Dataset, optional
        Results of `development.essential_dynamics.essential_dynamics` and of
        `development.forms.detect_forms`.
    settings : FormSettings, optional
        Those that forms were found with.
    run, setting : str
        What titles call the run and the settings of the sampler.

    Returns
    -------
    dict of str to Drawn
        ``loss_and_llc`` and ``traces``, and with `ed` and `forms` also ``planes`` and
        ``forms_in_time``; the figure of each is ``.figure``, the numbers in it are ``.data``.
    """
    judged = llc.assign_attrs(run=run, setting=setting)
    named = with_soundness(stages, llc).assign(run=run, setting=setting)
    metrics = xr.Dataset({"test_loss": llc["init_loss"]}, attrs={"run": run})
    drawn = {
        "loss_and_llc": loss_and_llc.draw(
            metrics={run: metrics},
            llcs={run: {setting: judged}},
            stages={setting: named},
            run=run,
            loss_name="Loss",
            loss_unit="on the subject's samples",
            title=f"Run {run}",
        ),
        "traces": traces.draw(llcs={setting: judged}),
    }
    if ed is None or forms is None:
        return drawn
    width = (settings or FormSettings()).cluster_width
    trajectory = {
        "ed": ed.assign_attrs(run=run),
        "forms": forms.assign_attrs(run=run, cluster_width=width),
        "stages": named,
    }
    return {
        **drawn,
        "planes": planes.draw(**trajectory),
        "forms_in_time": forms_in_time.draw(**trajectory),
    }
