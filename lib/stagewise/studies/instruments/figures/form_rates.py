"""Forms in simulated trajectories: how often by chance, and how often where one is planted."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy import stats

from stagewise.development.form_rates import LEVEL
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

LOOKS = {
    "num_with_form": ("with a form", style.MUTED, "o"),
    "num_significant": ("with one beyond walks (p <= 0.05)", style.ACCENT, "D"),
}
"""Label, colour and marker of what is counted."""

LINES: tuple[Literal["-", "--"], ...] = ("-", "--")
"""Of the planted paths."""


@style.context()
def draw(*, table: pd.DataFrame) -> Drawn:
    """Draw shares of trajectories with a form, with exact 95 % intervals.

    Parameters
    ----------
    table : DataFrame
        Layout `development.layout.FORM_RATES`.

    Returns
    -------
    Drawn
        Table of every share; bounds are those of Clopper and Pearson.
    """
    nulls, planted = table[~table["planted"]], table[table["planted"]]
    count = int(nulls["num_trajectories"].min())
    title = f"Forms in simulated trajectories ({count} of each process without any)"
    figure = style.new_figure(style.FULL_WIDTH, 2.9, title)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.1])
    ledger = Ledger()
    _by_chance(ledger, left, nulls)
    _planted(ledger, right, planted)
    handles = [
        Line2D([], [], linestyle="", marker=marker, color=color, markersize=4, label=label)
        for label, color, marker in LOOKS.values()
    ]
    looks = zip(planted["process"].unique(), LINES, strict=True)
    paths = [Line2D([], [], linestyle=look, color=style.MAIN, label=name) for name, look in looks]
    style.bottom_legend(figure, handles, paths)
    return Drawn(figure, ledger.table())


def _by_chance(ledger: Ledger, ax: Axes, nulls: pd.DataFrame) -> None:
    rows = np.arange(len(nulls))
    for column, (label, color, marker) in LOOKS.items():
        share, low, high = _shares(nulls, column)
        at = rows + (0.12 if column == "num_significant" else -0.12)
        ledger.add("no form", label, share, at, process=nulls["process"].to_numpy())
        ax.errorbar(
            *(share, at, None, [share - low, high - share]),
            fmt=marker,
            color=color,
            markersize=4,
            elinewidth=0.8,
        )
    ax.axvline(100 * LEVEL, color=style.MAIN, linewidth=0.7, linestyle=(0, (2, 2)))
    ax.set_yticks(rows, nulls["process"])
    ax.set_ylim(len(nulls) - 0.5, -0.5)
    ax.set_xlim(-3, 103)
    ax.set_xlabel("Trajectories without forms (%)")


def _planted(ledger: Ledger, ax: Axes, planted: pd.DataFrame) -> None:
    for (name, rows), look in zip(planted.groupby("process", sort=False), LINES, strict=True):
        for column, (label, color, marker) in LOOKS.items():
            share, low, high = _shares(rows, column)
            at = rows["disturbance"].to_numpy()
            ledger.line(
                *(ax, "planted", f"{name}, {label}", at, share),
                color=color,
                linestyle=look,
                marker=marker,
                markersize=3.5,
            )
            ledger.add("interval", f"{name}, {label}", at, share, low, high)
            ax.errorbar(at, share, [share - low, high - share], fmt="none", ecolor=color, alpha=0.6)
    ax.set_xscale("log")
    sizes = np.unique(planted["disturbance"])
    ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
    ax.minorticks_off()
    ax.set_ylim(-3, 103)
    ax.set_xlabel("Size of the added walk (share of the path's size)")
    ax.set_ylabel("Form found where planted (%)")


def _shares(rows: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return percentages and the bounds of their exact 95 % intervals."""
    found = [
        (100 * hits / of, *(100 * bound for bound in _interval(int(hits), int(of))))
        for hits, of in zip(rows[column], rows["num_trajectories"], strict=True)
    ]
    share, low, high = np.array(found).T
    return share, low, high


def _interval(hits: int, of: int) -> tuple[float, float]:
    interval = stats.binomtest(hits, of).proportion_ci(0.95)
    return interval.low, interval.high
