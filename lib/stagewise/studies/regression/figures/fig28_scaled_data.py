"""Inputs and tasks larger than those trained on: what becomes of in-context learning (Fig. 28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import FAINT, company, others, shades


class _Kind(NamedTuple):
    """What is scaled: suffix of the variables, dimension, and its words."""

    suffix: str
    dimension: str
    words: str


_KINDS = (
    _Kind("", "input_scale", "inputs"),
    _Kind("_tasks", "task_scale", "tasks"),
)


@style.context()
def draw(
    *,
    metrics: Mapping[str, xr.Dataset],
    stages: pd.DataFrame,
    run: str,
    noise_variance: float,
    dimension: int,
) -> Drawn:
    """Draw a column for scaled inputs and one for scaled tasks: ICL score, loss, size of predictions.

    Parameters
    ----------
    metrics : mapping of str to Dataset
        Layout `regression.layout.METRICS`, by run.
    stages : DataFrame
        Stages of the shown run.
    run : str
        The shown run.
    noise_variance : float
        Variance of the label noise.
    dimension : int
        Number of entries of an input, D.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error over contexts.
    """
    beside, shown = others(metrics, run), metrics[run]
    figure = style.new_figure(
        style.FULL_WIDTH, 3 * style.PANEL_HEIGHT + 1.0, company(metrics, run, stages)
    )
    axes = figure.subplots(3, 2, sharex=True, sharey="row")
    ledger = Ledger()
    every = sorted({float(g) for kind in _KINDS for g in shown[kind.dimension].to_numpy()})
    colors = dict(zip(every, shades(len(every), style.RAINBOW), strict=True))
    letters = iter("abcdef")
    panels = {(row, column): next(letters) for row in range(3) for column in range(2)}
    for column, kind in enumerate(_KINDS):
        scales = shown[kind.dimension].to_numpy()
        square = dimension * scales**2 + noise_variance
        rows = {
            f"icl_scaled{kind.suffix}": np.ones_like(scales),
            f"loss_scaled{kind.suffix}": square,
            f"squared_prediction_scaled{kind.suffix}": square,
        }
        for row, (name, unit) in enumerate(rows.items()):
            ax = axes[row, column]
            style.log_step_axis(ax, float(shown["step"].max()), label=row == 2)
            scaled = _Scaled(panels[row, column], name, kind, unit)
            _lines(ledger, ax, scaled, colors, beside, shown)
    titles = ("ICL score of scaled {}", "Loss on scaled {}", "Predictions on scaled {}")
    for (row, column), letter in panels.items():
        ax = axes[row, column]
        ax.set_title(f"({letter}) " + titles[row].format(_KINDS[column].words))
        ax.axhline(0 if row == 0 else 1, color=style.MAIN, linewidth=0.5, zorder=1)
        if row:
            ax.set_yscale("log")
        style.shade_stages(ax, stages)
    axes[0, 0].set_ylabel("ICL score over g\n" r"$(L_K - L_1)\,/\,g$")
    axes[1, 0].set_ylabel("Loss over that of\nalways predicting 0")
    axes[2, 0].set_ylabel(r"$\langle \hat y^2 \rangle\,/\,\langle y^2 \rangle$")
    handles = [Line2D([], [], color=color, label=f"g = {g:g}") for g, color in colors.items()]
    style.bottom_legend(figure, handles, style.stage_handles(stages))
    return Drawn(figure, ledger.table())


class _Scaled(NamedTuple):
    """What a panel shows: its letter, a variable, what is scaled, and a unit for each scale."""

    panel: str
    name: str
    kind: _Kind
    unit: np.ndarray


def _lines(
    ledger: Ledger,
    ax: Axes,
    what: _Scaled,
    colors: Mapping[float, str],
    beside: Mapping[str, xr.Dataset],
    shown: xr.Dataset,
) -> None:
    """Draw one measure at every scale over a unit of its own, and faintly that of other runs."""
    panel, name, kind, unit = what
    steps, signed = shown["step"].to_numpy(), name.startswith("icl")
    for n, scale in enumerate(shown[kind.dimension].to_numpy()):
        color, series = colors[float(scale)], f"g = {scale:g}"
        for other, data in beside.items():
            look: dict[str, Any] = {"color": color, "linewidth": 0.5, "alpha": FAINT}
            value = data[name].to_numpy()[:, n] / unit[n]
            ledger.line(ax, panel, f"{series} {other}", data["step"].to_numpy(), value, **look)
        value, error = (shown[f"{name}{end}"].to_numpy()[:, n] / unit[n] for end in ("", "_stderr"))
        low = value - error if signed else np.maximum(value - error, 1e-12)
        ledger.line(ax, panel, series, steps, value, low, value + error, color=color)
