"""What figures of language models along training share: bands, time axes, stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Ledger

DEPTHS: Mapping[str, str] = {"twolayers": "Two layers", "onelayer": "One layer"}
"""Titles of the runs that figures compare, by variant."""


Runs = Mapping[str, xr.Dataset]
"""Metrics of a run by variant; layout `language.layout.METRICS`."""


Stages = Mapping[str, pd.DataFrame]
"""Stages of the same runs."""


FIRST_SHARE = 1 / 400
"""Share of training at which time axes begin: nothing but the frequency of tokens is learned before."""


def band(
    ledger: Ledger, ax: Axes, panel: str, series: str, values: xr.Dataset, name: str, **look: Any
) -> None:
    """Draw a measure along training with a band of one standard error."""
    value, error = values[name].to_numpy(), values[f"{name}_stderr"].to_numpy()
    steps = values["step"].to_numpy()
    ledger.line(ax, panel, series, steps, value, value - error, value + error, **look)


def over_positions(metrics: xr.Dataset, name: str) -> xr.Dataset:
    """Return a measure's mean over context positions, with a bound of its standard error.

    However losses of a row hang together, the error of their mean is at most the mean of their errors.
    """
    return metrics[[name, f"{name}_stderr"]].mean("position")


def first_shown(last: float) -> float:
    """Return the step at which time axes of a run begin."""
    return max(1.0, FIRST_SHARE * last)


def time_axis(ax: Axes, last: float, label: bool = True) -> None:
    """Make the x axis the logarithm of the step, from `first_shown`."""
    style.log_step_axis(ax, last, label)
    ax.set_xlim(left=first_shown(last))


def finish(columns: np.ndarray, runs: Runs, stages: Stages) -> None:
    """Give panels their time axes and the stages of their run; each column of `columns` is one run's."""
    for column, (variant, metrics) in enumerate(runs.items()):
        for ax in columns[:, column]:
            place = ax.get_subplotspec()
            time_axis(ax, float(metrics["step"].max()), label=place.is_last_row())
            style.shade_stages(ax, stages[variant], names=place.is_first_row())


def stage_rows(runs: Runs, stages: Stages) -> list[list[Artist]]:
    """Return legend entries of the stages in view, one row a run, which begins with its name."""
    rows: list[list[Artist]] = []
    for variant, metrics in runs.items():
        first, table = first_shown(float(metrics["step"].max())), stages[variant]
        handles = [
            handle
            for handle, end in zip(style.stage_handles(table), table["end"], strict=True)
            if end > first
        ]
        name = Line2D([], [], linestyle="", label=f"{DEPTHS[variant]}, stages")
        rows += [[name, *handles, *style.soundness_handles(table)]] if handles else []
    return rows
