"""The positional embedding of language models along training."""

from __future__ import annotations

import math
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.language.figures.panels import DEPTHS, Runs, Stages, stage_rows, time_axis

NUM_SHOWN = 6
"""Checkpoints whose positions are drawn."""

_INK = 300
"""Area of all dots of a panel at most, in square points: long contexts stay legible."""

_PLANES = ((0, 1), (1, 2), (2, 0))


def shown_steps(metrics: xr.Dataset) -> list[int]:
    """Return the checkpoints that are drawn: step 0, then doubling up to the last one."""
    steps = metrics["step"].to_numpy()
    wanted = [0, *(steps[-1] / 2.0**k for k in range(NUM_SHOWN - 2, -1, -1))]
    return sorted({int(steps[np.abs(steps - step).argmin()]) for step in wanted})


@style.context()
def draw(*, runs: Runs, stages: Stages) -> Drawn:
    """Draw principal components of positions at some checkpoints, their variance and their norms.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant; ``twolayers`` is drawn in planes, all in the panel of variance.
    stages : mapping of str to DataFrame

    Returns
    -------
    Drawn
    """
    metrics = runs["twolayers"]
    steps = shown_steps(metrics)
    figure = style.new_figure(style.FULL_WIDTH, 6.2, DEPTHS["twolayers"])
    parts: Any = figure.subfigures(2, 1, height_ratios=(2, 1))
    planes, below = parts
    ledger = Ledger()
    axes = planes.subplots(len(_PLANES), len(steps), squeeze=False)
    shapes = aligned(metrics["position_score"].sel(step=steps).to_numpy())
    shares = metrics["position_variance_ratio"].sel(step=steps).to_numpy()
    for column, (step, scores) in enumerate(zip(steps, shapes, strict=True)):
        for ax, (first, second) in zip(axes[:, column], _PLANES, strict=True):
            panel = f"PC{second + 1} against PC{first + 1}"
            x, y = scores[:, first], scores[:, second]
            ledger.add(panel, f"step {step}", x, y)
            colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.95, len(x)))
            # Nothing is predicted from the last position: its place says nothing and sets no limits.
            ax.plot(x[:-1], y[:-1], color=style.MUTED, linewidth=0.4)
            ax.scatter(x[:-1], y[:-1], s=min(3, _INK / len(x)), c=colors[:-1], zorder=3)
            ax.autoscale(False)
            ax.plot(x[-1], y[-1], "x", color=style.ACCENT, markersize=3)
            ax.set_xticks([])
            ax.set_yticks([])
            if column == 0:
                ax.set_ylabel(f"PC{second + 1} against\nPC{first + 1}")
        axes[0, column].set_title(f"Step {step}\n" + _percentages(shares[column]), fontsize=7)
    variance, norm = below.subplots(1, 2)
    _variance(ledger, variance, runs, stages)
    _norms(ledger, norm, metrics, steps)
    style.bottom_legend(below, *stage_rows({"twolayers": metrics}, stages))
    return Drawn(figure, ledger.table())


def aligned(shapes: np.ndarray) -> np.ndarray:
    """Return scores, shape (step, place, pc), with the sign of each component that of the step after.

    The sign of a principal component is arbitrary; mirror images would look like a change.
    """
    result = shapes.copy()
    for index in range(len(result) - 2, -1, -1):
        result[index] *= np.where((result[index] * result[index + 1]).sum(0) < 0, -1.0, 1.0)
    return result


def _percentages(shares: np.ndarray) -> str:
    return ", ".join(f"{100 * share:.0f}" for share in shares) + " %"


def _variance(ledger: Ledger, ax: Axes, runs: Runs, stages: Stages) -> None:
    for color, (variant, metrics) in zip(style.SERIES, runs.items(), strict=False):
        ratio = metrics["position_variance_ratio"].isel(position_pc=0).to_numpy()
        label = DEPTHS[variant]
        ledger.line(
            ax, "variance", label, metrics["step"].to_numpy(), ratio, color=color, label=label
        )
    walk = 6 / math.pi**2
    ax.axhline(walk, color=style.MUTED, linestyle="--", linewidth=0.9, label="random walk, 6/π²")
    ax.set_ylim(0, 1)
    ax.set_ylabel("Variance in PC1\n(share)")
    time_axis(ax, float(runs["twolayers"]["step"].max()))
    style.shade_stages(ax, stages["twolayers"])
    ax.legend(loc="upper left")


def _norms(ledger: Ledger, ax: Axes, metrics: xr.Dataset, steps: list[int]) -> None:
    colors = mpl.colormaps[style.RAINBOW](np.linspace(0, 0.85, len(steps)))
    for color, step in zip(colors, steps, strict=True):
        norms = metrics["position_norm"].sel(step=step).to_numpy()
        places = np.arange(1, len(norms) + 1)
        ledger.line(ax, "norm", f"step {step}", places, norms, color=color, label=f"step {step}")
    ax.set_ylim(bottom=0)
    ax.set_xlabel("Position in the context")
    ax.set_ylabel("Length of the\nembedding")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
