"""Plateaus against rank and against the number of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from stagewise.core.intervals import share_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.spreads import draw_spread, spread_handles
from stagewise.studies.scurves.selection import kept

_RANKS = {"rank1": "1", "rank2": "2", "rank4": "4", "rank10": "10", "full": "full"}

_COMPONENTS = {"vector": "1", "rank1": "2", "product3": "3", "product4": "4", "product5": "5"}


_RATE = 0.2
"""Learning rate at which numbers of components are compared."""


@style.context()
def draw(*, measures: pd.DataFrame) -> Drawn:
    """Draw lengths and shares of plateaus, how far the fall slows down, and how many are still on one.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.1)
    (top, bottom), ledger = figure.subplots(2, 3), Ledger()
    ranks = {text: kept(measures, name) for name, text in _RANKS.items()}
    components = {text: kept(measures, name, _RATE) for name, text in _COMPONENTS.items()}
    _lengths_and_shares(ledger, top, "ab", ranks, "Rank r")
    _lengths_and_shares(ledger, bottom, "de", components, "Components c")
    for x, (text, runs) in enumerate(ranks.items()):
        values = runs["least_rate"].dropna().to_numpy()
        if len(values):
            draw_spread(ledger, top[2], "c", f"Rank r {text}", x, values, style.MAIN)
    style.category_axis(top[2], list(ranks), "Rank r", 0.6)
    top[2].axhline(1, color=style.MUTED, linestyle=":", linewidth=0.8)
    top[2].set_ylim(-0.05, 1.05)
    top[2].set_ylabel("Least rate over largest\nbeside it (dimensionless)")
    top[2].set_title("(c) does the fall slow down?")
    _still_on_it(ledger, bottom[2], components)
    marks = [
        Line2D(
            *([], []),
            marker="^",
            linestyle="",
            color=style.MAIN,
            markerfacecolor="white",
            label="median, a lower bound",
        ),
        Line2D([], [], marker="o", linestyle="", color=style.MAIN, label="with a plateau"),
        Line2D(
            [], [], marker="s", linestyle="", color=style.ACCENT, label="ended before half-drop"
        ),
    ]
    numbers = [f"c = {text}" for text in components]
    colors = style.color_handles(numbers, _colors(), linewidth=None)
    style.bottom_legend(figure, spread_handles(), marks, colors, columns=5)
    return Drawn(figure, ledger.table())


def _lengths_and_shares(
    ledger: Ledger,
    axes: Sequence[Axes],
    letters: str,
    tables: Mapping[str, pd.DataFrame],
    label: str,
) -> None:
    """Draw plateau lengths, and the shares of seeds that have one and whose run ended on it."""
    for x, (text, runs) in enumerate(tables.items()):
        values, series = runs["plateau_ratio"].dropna().to_numpy(), f"{label} {text}"
        if len(values):
            bound = "^" if (runs["censored"] > 0).mean() >= 0.5 else "o"
            draw_spread(ledger, axes[0], letters[0], series, x, values, style.MAIN, bound)
        _shares(ledger, axes[1], letters[1], series, x, runs)
    axes[0].set_yscale("log")
    axes[0].set_ylabel("Half-drop over end of decay\n(dimensionless)")
    axes[1].set_ylabel("Share of seeds")
    axes[1].set_ylim(-0.05, 1.05)
    for ax in axes[:2]:
        style.category_axis(ax, list(tables), label, 0.6)
    seeds = {len(runs) for runs in tables.values()}
    more = " or more" if len(seeds) > 1 else ""
    axes[0].set_title(f"({letters[0]}) length, {min(seeds)} seeds{more}")
    axes[1].set_title(f"({letters[1]}) shares, 95 % intervals")


def _colors() -> list[str]:
    """Return a colour for each number of components."""
    return [
        to_hex(c) for c in mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.85, len(_COMPONENTS)))
    ]


def _still_on_it(ledger: Ledger, ax: Axes, tables: Mapping[str, pd.DataFrame]) -> None:
    """Draw Kaplan and Meier's share of seeds still on their plateau; a cross where runs ended on it."""
    for (text, runs), color in zip(tables.items(), _colors(), strict=True):
        steps, ended = runs["plateau_steps"].to_numpy(), (runs["censored"] > 0).to_numpy()
        if not len(steps):
            continue
        sample = scipy.stats.CensoredData(uncensored=steps[~ended], right=steps[ended])
        staying = scipy.stats.ecdf(sample).sf
        last = float(steps.max())
        x = np.maximum(np.r_[0.0, staying.quantiles, last], 1.0)
        y = np.r_[1.0, staying.probabilities, staying.probabilities[-1]]
        series = f"Components c {text}"
        ledger.line(ax, "f", series, x, y, color=color, drawstyle="steps-post")
        if ended.any():
            ledger.add("f", f"{series}, ended on it", last, y[-1])
            ax.plot([last], [y[-1]], "x", color=color, markersize=4)
    ax.set_xscale("log")
    ax.set_xlim(left=0.9)
    ax.set_ylim(-0.05, 1.05)
    ax.set_xlabel("Steps of plateau (log scale)")
    ax.set_ylabel("Share of seeds still\non their plateau")
    ax.set_title("(f) who is still on it?")


def _shares(
    ledger: Ledger, ax: Axes, panel: str, series: str, x: float, rows: pd.DataFrame
) -> None:
    """Draw the shares of seeds with a plateau and with a censored one, Wilson intervals."""
    found = rows["decay_end"].notna()
    for mark, color, name, flags in (
        ("o", style.MAIN, "plateau", found),
        ("s", style.ACCENT, "censored", rows["censored"] > 0),
    ):
        low, high = share_interval(int(flags.sum()), len(flags))
        mean = float(flags.mean())
        ledger.add(panel, f"{series}, {name}", x, mean, low, high)
        at = x + (0.12 if name == "censored" else -0.12)
        ax.errorbar([at], [mean], [[mean - low], [high - mean]], fmt=mark, color=color)
