"""What language models predict along training: bigrams, positions, n-grams (Figs. 3, 18 and 22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lib.figures import style
from lib.figures.drawn import Drawn, Ledger

DEPTHS: Mapping[str, str] = {"twolayers": "Two layers", "onelayer": "One layer"}
"""Titles of the runs that figures compare, by variant."""

Runs = Mapping[str, xr.Dataset]
"""Metrics of a run by variant; contract ``language_metrics`` of `lib.contracts`."""

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


def time_axis(ax: Axes, last: float, label: bool = True) -> None:
    """Make the x axis the logarithm of the step, from `FIRST_SHARE` of training."""
    style.log_step_axis(ax, last, label)
    ax.set_xlim(left=max(1.0, FIRST_SHARE * last))


def finish(axes: np.ndarray, runs: Runs, stages: Stages) -> None:
    """Give panels in columns of runs their time axes and the stages of each run."""
    for column, variant in enumerate(runs):
        last = float(runs[variant]["step"].max())
        for row, ax in enumerate(axes[:, column]):
            time_axis(ax, last, label=row == len(axes) - 1)
            style.shade_stages(ax, stages[variant], names=row == 0)


def stage_legend(figure: Figure, stages: pd.DataFrame) -> None:
    """Name the stages of the first run below all panels."""
    style.bottom_legend(figure, style.stage_handles(stages))


@style.context()
def bigrams_and_ngrams(runs: Runs, stages: Stages, remark: str = "") -> Drawn:
    """Draw bigram score, loss with and without positions, and n-gram scores; one column a run.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant.
    stages : mapping of str to DataFrame
        Stages of each run.
    remark : str
        What a reader must know of the text; above the panels.

    Returns
    -------
    Drawn
        Bounds are one standard error over rows of text (n-gram scores: by the delta method).
    """
    tall = 3 * style.PANEL_HEIGHT + 0.9
    width = style.FULL_WIDTH * (0.6 if len(runs) == 1 else 1)
    figure = style.new_figure(width, tall, remark)
    axes = figure.subplots(3, len(runs), sharey="row", squeeze=False)
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        top, middle, bottom = axes[:, column]
        top.set_title(f"{DEPTHS[variant]}\n")
        _bigrams(ledger, top, variant, metrics)
        _positions(ledger, middle, variant, metrics)
        _ngrams(ledger, bottom, variant, metrics)
    axes[0, 0].set_ylabel("Bigram score\n(cross-entropy, nats)")
    axes[1, 0].set_ylabel("Test loss (nats)")
    axes[2, 0].set_ylabel("n-gram score\n(ratio of losses)")
    finish(axes, runs, stages)
    stage_legend(figure, next(iter(stages.values())))
    return Drawn(figure, ledger.table())


def _bigrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    panel = f"bigrams, {variant}"
    band(ledger, ax, panel, "bigram score", metrics, "bigram_score", color=style.MAIN)
    entropy = float(metrics["bigram_entropy"])
    ledger.add(panel, "bigram entropy", [0], [entropy])
    ax.axhline(entropy, color=style.ACCENT, linestyle="--", linewidth=0.9, label="bigram entropy")
    least = int(metrics["bigram_score"].to_numpy().argmin())
    step, score = float(metrics["step"][least]), float(metrics["bigram_score"][least])
    ledger.add(panel, "minimum", [step], [score])
    if step > 0:
        ax.plot(
            step, score, "v", color=style.ACCENT, markersize=4, label=f"minimum, step {step:.0f}"
        )
    ax.legend(loc="upper right")


def _positions(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    panel, steps = f"positions, {variant}", metrics["step"].to_numpy()
    looks = {
        "ablated_loss": (style.SERIES[0], "positions zeroed"),
        "position_loss": (style.SERIES[1], "as trained"),
    }
    for name, (color, label) in looks.items():
        mean = metrics[name].mean("position").to_numpy()
        ledger.line(ax, panel, label, steps, mean, color=color, label=label)
    ax.legend(loc="upper right", title="mean over positions")


def _ngrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    for color, n in zip(style.SERIES, metrics["ngram"].to_numpy(), strict=False):
        label = f"n = {n}"
        own = metrics.sel(ngram=n)
        band(ledger, ax, f"n-grams, {variant}", label, own, "ngram_score", color=color, label=label)
    ax.axhline(1, color=style.MUTED, linestyle="--", linewidth=0.8)
    ax.legend(loc="upper left")


@style.context()
def position_losses(runs: Runs, stages: Stages) -> Drawn:
    """Draw the loss at context positions, as trained and with the positional embedding zeroed.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant.
    stages : mapping of str to DataFrame

    Returns
    -------
    Drawn
        Bounds of differences are one standard error over rows, paired.
    """
    rows = {
        "position_loss": "Loss as trained\n(nats)",
        "ablated_loss": "Loss, positions\nzeroed (nats)",
        "ablation_effect": "Difference\n(nats)",
    }
    figure = style.new_figure(style.FULL_WIDTH, 3 * style.PANEL_HEIGHT + 0.9)
    axes = figure.subplots(3, len(runs), sharey="row", squeeze=False)
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        axes[0, column].set_title(f"{DEPTHS[variant]}\n")
        positions = metrics["position"].to_numpy()
        colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.92, positions.size))
        for ax, name in zip(axes[:, column], rows, strict=True):
            panel = f"{name}, {variant}"
            for color, k in zip(colors, positions, strict=True):
                label = f"position {k}" if k in (positions[0], positions[-1]) else None
                own = metrics.sel(position=k)
                band(ledger, ax, panel, f"position {k}", own, name, color=color, label=label)
            mean = metrics[name].mean("position").to_numpy()
            steps = metrics["step"].to_numpy()
            ledger.line(
                ax, panel, "mean", steps, mean, color=style.ACCENT, linewidth=1.5, label="mean"
            )
    for ax, label in zip(axes[:, 0], rows.values(), strict=True):
        ax.set_ylabel(label)
    axes[2, 0].legend(loc="upper left")
    finish(axes, runs, stages)
    stage_legend(figure, next(iter(stages.values())))
    return Drawn(figure, ledger.table())
