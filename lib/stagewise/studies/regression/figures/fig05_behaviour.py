"""Behaviour over training: task prior, ICL scores, shifted inputs (Fig. 5)."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger, over_runs

_SCORES = {
    "icl_locate": (r"locating the task, $L_{%(D)s} - L_1$", style.SERIES[0]),
    "icl_refine": (r"refining it, $L_{%(K)s} - L_{%(D)s}$", style.SERIES[1]),
    "icl_total": (r"together, $L_{%(K)s} - L_1$", style.MAIN),
}


@style.context()
def draw(
    *,
    metrics: xr.Dataset,
    finite: Mapping[str, xr.Dataset],
    stages: pd.DataFrame,
    noise_variance: float,
    dimension: int,
    num_tasks: int | None,
) -> Drawn:
    """Draw four panels of behaviour.

    Parameters
    ----------
    metrics : Dataset
        Metrics of the shown run.
    finite : mapping of str to Dataset
        By run, metrics of the runs with a finite set of tasks; may be empty.
    stages : DataFrame
        Stages of the shown run.
    noise_variance : float
        Variance of the label noise.
    dimension : int
        Number of entries of an input, D.
    num_tasks : int or None
        Size of the finite set of tasks, M.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error over contexts (panel d: one standard
        deviation over seeds).

    Raises
    ------
    ValueError
        If the runs with finite tasks were measured at different steps.
    """
    run = metrics.attrs["run"]
    figure = style.new_figure(
        style.FULL_WIDTH,
        2 * style.PANEL_HEIGHT + 1.0,
        f"(a)-(c): run {run}; stages by {stages['setting'].iloc[0]!r}",
    )
    (a, b), (c, d) = figure.subplots(2, 2)
    last = float(metrics["step"].max())
    for ax in (a, b, c):
        style.log_step_axis(ax, last)
    ledger = Ledger()
    _predictions(ledger, a, metrics, noise_variance)
    _scores(ledger, b, metrics, dimension)
    _scaled(ledger, c, metrics)
    _prior(ledger, d, finite, num_tasks)
    for ax in (a, b, c):
        style.shade_stages(ax, stages)
    style.bottom_legend(figure, [*style.stage_handles(stages), *style.soundness_handles(stages)])
    return Drawn(figure, ledger.table())


def _predictions(ledger: Ledger, ax: Axes, metrics: xr.Dataset, noise_variance: float) -> None:
    steps, positions = metrics["step"].to_numpy(), metrics["position"].to_numpy()
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.92, positions.size))
    for color, k in zip(colors, positions, strict=True):
        squares = metrics["token_squared_prediction"].sel(position=k).to_numpy()
        label = f"k = {k}" if k in (positions[0], positions[-1]) else None
        ledger.line(ax, "a", f"k = {k}", steps, squares, color=color, linewidth=0.8, label=label)
    mean, error = (metrics[f"mean_squared_prediction{end}"].to_numpy() for end in ("", "_stderr"))
    ledger.line(
        ax,
        "a",
        "mean over k",
        steps,
        mean,
        np.maximum(mean - error, 1e-12),
        mean + error,
        color=style.MAIN,
        linewidth=1.5,
        label="mean over k",
    )
    ax.axhline(
        noise_variance,
        color=style.MUTED,
        linestyle="--",
        linewidth=0.9,
        label=rf"label noise $\sigma^2$ = {noise_variance:g}",
    )
    ax.set_yscale("log")
    ax.set_ylabel("Mean squared prediction\n" r"$\langle \hat y_k^2 \rangle$ (squared label units)")
    ax.set_title("(a) Size of predictions by position k")
    ax.legend(loc="best", ncols=2)


def _scores(ledger: Ledger, ax: Axes, metrics: xr.Dataset, dimension: int) -> None:
    steps = metrics["step"].to_numpy()
    names = {"D": str(dimension), "K": str(metrics.sizes["position"])}
    for name, (label, color) in _SCORES.items():
        value, error = metrics[name].to_numpy(), metrics[f"{name}_stderr"].to_numpy()
        ledger.line(
            ax,
            "b",
            name,
            steps,
            value,
            value - error,
            value + error,
            color=color,
            label=label % names,
        )
    ax.axhline(0, color=style.MAIN, linewidth=0.6)
    ax.set_ylabel("ICL score\n(difference of losses)")
    ax.set_title("(b) In-context learning, ±1 standard error")
    ax.legend(loc="best")


def _scaled(ledger: Ledger, ax: Axes, metrics: xr.Dataset) -> None:
    steps, scales = metrics["step"].to_numpy(), metrics["input_scale"].to_numpy()
    colors = mpl.colormaps[style.RAINBOW](np.linspace(0.05, 0.85, scales.size))
    for color, g in zip(colors, scales, strict=True):
        value, error = (
            metrics[f"icl_scaled{end}"].sel(input_scale=g).to_numpy() for end in ("", "_stderr")
        )
        ledger.line(
            ax,
            "c",
            f"g = {g:g}",
            steps,
            value,
            value - error,
            value + error,
            opacity=0.15,
            color=color,
            label=f"g = {g:g}",
        )
    ax.axhline(0, color=style.MAIN, linewidth=0.6)
    ax.set_ylabel("ICL score over g\n" r"$(L_K - L_1)\,/\,g$ (loss)")
    ax.set_title("(c) Inputs of standard deviation g, ±1 standard error")
    ax.legend(loc="best", ncols=2)


def _prior(
    ledger: Ledger, ax: Axes, finite: Mapping[str, xr.Dataset], num_tasks: int | None
) -> None:
    seeds = f", {len(finite)} seeds ±1 sd" if len(finite) > 1 else ""
    ax.set_title(f"(d) {num_tasks} tasks{seeds}" if finite else "(d) Finite set of tasks")
    ax.set_ylabel("Mean squared distance of\npredictions (squared label units)")
    if not finite:
        ax.set_xlabel("Training step t")
        ax.set_xticks([])
        ax.set_yticks([])
        style.note(ax, "no run with a finite set of tasks")
        return
    style.log_step_axis(ax, max(float(item["step"].max()) for item in finite.values()))
    names = {
        "mean_squared_prediction": ("to 0", style.SERIES[0]),
        "distance_to_mean_task": ("to mean task", style.SERIES[1]),
    }
    for name, (label, color) in names.items():
        values = over_runs([*finite.values()], name)
        steps = values.index.to_numpy()
        for run in values:
            ledger.line(
                ax, "d", f"{name}, {run}", steps, values[run], color=color, linewidth=0.4, alpha=0.6
            )
        mean = values.mean(axis=1).to_numpy()
        spread = values.std(axis=1, ddof=1).to_numpy() if len(finite) > 1 else np.zeros_like(mean)
        ledger.line(
            ax,
            "d",
            f"{name}, mean over seeds",
            steps,
            mean,
            np.maximum(mean - spread, 1e-12),
            mean + spread,
            color=color,
            linewidth=1.4,
            label=label,
        )
    ax.set_yscale("log")
    ax.legend(loc="lower left", handlelength=1.2)
