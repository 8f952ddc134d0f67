"""Finite sets of tasks: how far predictions are from four predictors along training (Fig. 26)."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import shades

_PANELS = {
    "zero": "(a) To the prediction 0",
    "mean_task": "(b) To that of the mean task",
    "ridge": "(c) To ridge, optimal for endless tasks",
    "mmse": "(d) To discrete MMSE, optimal for M tasks",
}


@style.context()
def draw(*, prior: xr.Dataset) -> Drawn:
    """Draw a panel for each predictor, with a line for every number of tasks.

    Parameters
    ----------
    prior : Dataset
        Layout `regression.task_prior_layout.TASK_PRIOR`.

    Returns
    -------
    Drawn
        Table of every line: means over seeds, bounds one standard deviation over seeds, or one
        standard error over contexts with a single seed.
    """
    sizes = prior["num_tasks"].to_numpy()
    seeds = prior.sizes["seed"]
    title = f"{seeds} seeds, ±1 standard deviation" if seeds > 1 else "One seed, ±1 standard error"
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.3, title)
    axes = figure.subplots(2, 2, sharex=True, sharey=True)
    ledger, colors = Ledger(), shades(sizes.size)
    for ax, (name, title) in zip(axes.flat, _PANELS.items(), strict=True):
        style.log_step_axis(ax, float(prior["step"].max()), label=False)
        _lines(ledger, ax, name, prior, colors)
        if name == "ridge":
            _optimal(ledger, ax, prior, colors)
        ax.set_title(title)
        ax.set_yscale("log")
    for ax in axes[1]:
        ax.tick_params(axis="x", which="major", labelbottom=True)
        ax.set_xlabel("Training step t (log scale)")
    for ax in axes[:, 0]:
        ax.set_ylabel("Mean squared distance\nof predictions")
    handles = [
        Line2D([], [], color=color, label=f"M = {size}")
        for color, size in zip(colors, sizes, strict=True)
    ]
    mark = Line2D([], [], color=style.MUTED, marker="<", linestyle="", label="discrete MMSE")
    style.bottom_legend(figure, [*handles, mark], columns=7)
    return Drawn(figure, ledger.table())


def _lines(ledger: Ledger, ax: Axes, name: str, prior: xr.Dataset, colors: list[str]) -> None:
    steps = prior["step"].to_numpy()
    distance, error = (prior[f"distance_to_{name}{end}"] for end in ("", "_stderr"))
    for color, size in zip(colors, prior["num_tasks"].to_numpy(), strict=True):
        each = distance.sel(num_tasks=size)
        mean = each.mean("seed").to_numpy()
        if prior.sizes["seed"] > 1:
            spread = each.std("seed", ddof=1).to_numpy()
        else:
            spread = error.sel(num_tasks=size).isel(seed=0).to_numpy()
        low = np.maximum(mean - spread, 1e-12)
        ledger.line(ax, name, f"M = {size}", steps, mean, low, mean + spread, color=color)


def _optimal(ledger: Ledger, ax: Axes, prior: xr.Dataset, colors: list[str]) -> None:
    """Mark at the right edge how far the two optimal predictors are from each other."""
    apart = prior["mmse_to_ridge"].mean("seed").to_numpy()
    edge = np.full(apart.size, ax.get_xlim()[1])
    ledger.add("ridge", "discrete MMSE", prior["num_tasks"].to_numpy(), apart)
    ax.scatter(edge, apart, color=colors, marker="<", s=14, clip_on=False, zorder=4, linewidths=0)
