"""Components of random walks, which are Lissajous figures, beside those of a run (Fig. 11)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.development.essential_dynamics import walk_scores
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.plots.planes import check_pair

DIMENSION, NUM_STEPS = 1000, 1000
"""Of the walk with even steps; in many dimensions its components are cosines."""


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, root_seed: int) -> Drawn:
    """Draw three components of a run, of an even walk and of one at the run's pace.

    Parameters
    ----------
    ed : Dataset
        Scores of the run.
    forms : Dataset
        Of the same run: its smoothed scores, and those of a random walk at its pace.
    root_seed : int
        Seed of the walk with even steps.

    Returns
    -------
    Drawn
        Table of the scores, over their standard deviation, by share of training and by plane.

    Raises
    ------
    ValueError
        If the stores belong to two runs or their steps differ.
    """
    check_pair(ed, forms)
    time = forms["step"].to_numpy() / float(forms["step"].max())
    # Not one of the walks at the run's pace, whose seed is the root seed itself.
    variance, shown = np.full(NUM_STEPS - 1, 1.0), min(3, forms.sizes["pc"])
    even = walk_scores(variance, DIMENSION, shown, 1, root_seed + 1)[0]
    rows = {
        "run": (time, forms["smoothed"].to_numpy()[:, :shown]),
        "walk, even steps": (np.linspace(0, 1, NUM_STEPS), even),
    }
    if forms.sizes["first_walk"]:
        walk = forms["null_smoothed"].isel(first_walk=0)
        rows["walk at the run's pace"] = (time, walk.to_numpy()[:, :shown])
    title = f"Run {forms.attrs['run']} and random walks; scores over their standard deviation"
    figure = style.new_figure(style.FULL_WIDTH, 1.45 * len(rows) + 0.9, title)
    planes = shown * (shown - 1) // 2
    axes = figure.subplots(len(rows), 1 + planes, width_ratios=[1.5, *[1] * planes], squeeze=False)
    ledger = Ledger()
    for row, (name, (t, scores)) in zip(axes, rows.items(), strict=True):
        _row(ledger, row, name, t, scores)
    axes[-1, 0].set_xlabel("Share of training (linear)")
    handles = [
        *style.color_handles([f"PC {n + 1}" for n in range(shown)], linewidth=None),
        Line2D([], [], color=style.MUTED, linestyle=(0, (3, 2)), label="cosines"),
        Line2D([], [], color=style.MAIN, marker="^", linestyle="", label="start"),
        Line2D([], [], color=style.MAIN, marker="s", linestyle="", label="end"),
    ]
    style.bottom_legend(figure, handles)
    return Drawn(figure, ledger.table())


def _row(ledger: Ledger, axes: np.ndarray, name: str, time: np.ndarray, scores: np.ndarray) -> None:
    """Draw the components of one trajectory over time, and in every plane; dashed, the cosines."""
    count = scores.shape[1]
    cosines = np.sqrt(2) * np.cos(np.pi * np.outer(time, np.arange(1, count + 1)))
    scores = scores - scores.mean(axis=0)
    scores = scores / np.maximum(scores.std(axis=0), 1e-300)
    # Signs of components are arbitrary.
    scores = scores * np.where((scores * cosines).sum(axis=0) < 0, -1, 1)
    alike = [abs(np.corrcoef(one, two)[0, 1]) for one, two in zip(scores.T, cosines.T, strict=True)]
    first = axes[0]
    for n, color in enumerate(style.SERIES[:count]):
        first.plot(time, cosines[:, n], color=color, linewidth=0.6, linestyle=(0, (3, 2)))
        label = f"PC {n + 1}"
        ledger.line(first, f"{name}, over time", label, time, scores[:, n], color=color)
    first.set_ylabel("Score / sd")
    first.set_title(f"{name}: correlation {', '.join(f'{one:.2f}' for one in alike)}")
    for ax, (i, j) in zip(axes[1:], combinations(range(count), 2), strict=True):
        _plane(ledger, ax, name, (i, j), scores, cosines)


def _plane(
    ledger: Ledger,
    ax: Axes,
    name: str,
    pair: tuple[int, int],
    scores: np.ndarray,
    cosines: np.ndarray,
) -> None:
    i, j = pair
    x, y = scores[:, i], scores[:, j]
    ax.plot(cosines[:, i], cosines[:, j], color=style.MUTED, linewidth=0.7, linestyle=(0, (3, 2)))
    panel = f"{name}, PC{j + 1}-PC{i + 1}"
    ledger.line(ax, panel, "trajectory", x, y, color=style.MAIN, linewidth=1.0)
    ax.plot(x[0], y[0], "^", color=style.MAIN, markersize=4)
    ax.plot(x[-1], y[-1], "s", color=style.MAIN, markersize=3.5)
    ax.set(xlabel=f"PC {i + 1}", ylabel=f"PC {j + 1}")
    ax.locator_params(nbins=4)
