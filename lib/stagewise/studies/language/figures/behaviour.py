"""What language models predict along training: bigrams, positions, n-grams (Figs. 3, 18 and 22)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

DEPTHS: Mapping[str, str] = {"twolayers": "Two layers", "onelayer": "One layer"}
"""Titles of the runs that figures compare, by variant."""

Runs = Mapping[str, xr.Dataset]
"""Metrics of a run by variant; layout `language.layout.METRICS`."""

Stages = Mapping[str, pd.DataFrame]
"""Stages of the same runs."""

_LABELS = (
    "Bigram score\n(cross-entropy, nats)",
    "Test loss (nats)",
    "n-gram score\n(ratio of losses)",
)

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
        rows += [[name, *handles]] if handles else []
    return rows


@style.context()
def bigrams_and_ngrams(runs: Runs, stages: Stages, remark: str = "") -> Drawn:
    """Draw bigram score, loss with and without positions, and n-gram scores of two runs.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant; one column a run, or one row of panels if there is one run.
    stages : mapping of str to DataFrame
        Stages of each run.
    remark : str
        What a reader must know of the text; above the panels.

    Returns
    -------
    Drawn
        Bounds are one standard error over rows of text (n-gram scores: by the delta method; means
        over positions: a bound of it).
    """
    single = len(runs) == 1
    height = (style.PANEL_HEIGHT if single else 3 * style.PANEL_HEIGHT) + 0.9
    figure = style.new_figure(style.FULL_WIDTH, height, remark)
    shape = (1, 3) if single else (3, len(runs))
    axes = figure.subplots(*shape, sharey=False if single else "row", squeeze=False)
    columns = axes.T if single else axes
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        top, middle, bottom = columns[:, column]
        top.set_title(f"{DEPTHS[variant]}\n")
        _bigrams(ledger, top, variant, metrics)
        _positions(ledger, middle, variant, metrics)
        _ngrams(ledger, bottom, variant, metrics)
    for ax, label in zip(columns[:, 0], _LABELS, strict=True):
        ax.set_ylabel(label)
    finish(columns, runs, stages)
    style.bottom_legend(figure, *stage_rows(runs, stages))
    return Drawn(figure, ledger.table())


def _bigrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    panel = f"bigrams, {variant}"
    band(ledger, ax, panel, "bigram score", metrics, "bigram_score", color=style.MAIN)
    entropy = float(metrics["bigram_entropy"])
    ledger.add(panel, "bigram entropy", [0], [entropy])
    ax.axhline(entropy, color=style.ACCENT, linestyle="--", linewidth=0.9, label="bigram entropy")
    scores, steps = metrics["bigram_score"].to_numpy(), metrics["step"].to_numpy()
    least = int(scores.argmin())
    ledger.add(panel, "minimum", [steps[least]], [scores[least]])
    if 0 < least < len(steps) - 1:
        label = f"minimum, step {steps[least]}"
        ax.plot(steps[least], scores[least], "v", color=style.ACCENT, markersize=4, label=label)
    else:
        style.note(ax, "No minimum within these steps", y=0.5)
    ax.legend(loc="best")


def _positions(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    looks = {
        "ablated_loss": (style.SERIES[0], "positions zeroed"),
        "position_loss": (style.SERIES[1], "as trained"),
    }
    for name, (color, label) in looks.items():
        mean = over_positions(metrics, name)
        band(ledger, ax, f"positions, {variant}", label, mean, name, color=color, label=label)
    ax.legend(loc="best", title="mean over positions")


def _ngrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    for color, n in zip(style.SERIES, metrics["ngram"].to_numpy(), strict=False):
        label = f"n = {n}"
        own = metrics.sel(ngram=n)
        band(ledger, ax, f"n-grams, {variant}", label, own, "ngram_score", color=color, label=label)
    ax.axhline(1, color=style.MUTED, linestyle="--", linewidth=0.8)
    ax.legend(loc="best")


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
        for ax, (name, label) in zip(axes[:, column], rows.items(), strict=True):
            _at_positions(ledger, ax, f"{name}, {variant}", metrics, name)
            if column == 0:
                ax.set_ylabel(label)
    finish(axes, runs, stages)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside right upper", title="Context\nposition")
    style.bottom_legend(figure, *stage_rows(runs, stages))
    return Drawn(figure, ledger.table())


def _at_positions(ledger: Ledger, ax: Axes, panel: str, metrics: xr.Dataset, name: str) -> None:
    positions = metrics["position"].to_numpy()
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.92, positions.size))
    for color, k in zip(colors, positions, strict=True):
        own = metrics.sel(position=k)
        band(ledger, ax, panel, f"position {k}", own, name, color=color, label=str(k))
    mean = over_positions(metrics, name)
    band(ledger, ax, panel, "mean", mean, name, color=style.ACCENT, linewidth=1.5, label="mean")
