"""Spreads over seeds that S-curve figures share, by setting or by rank."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Ledger

RANKS = {"rank1": "1", "rank2": "2", "rank4": "4", "rank10": "10", "fulltail": "full"}
"""Settings of matrices by their rank, the full one followed for long."""


def draw_spread(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    series: str,
    x: float,
    values: np.ndarray,
    color: str,
    mark: str = "o",
) -> None:
    """Draw a distribution over seeds: a mark at the median, thick quartiles, thin central 95 %."""
    low, first, middle, third, high = np.quantile(values, [0.025, 0.25, 0.5, 0.75, 0.975])
    ax.plot([x, x], [low, high], color=color, linewidth=0.8)
    ax.plot([x, x], [first, third], color=color, linewidth=2.6, solid_capstyle="butt")
    ax.plot([x], [middle], mark, color="white", markeredgecolor=color, zorder=4)
    ledger.add(panel, series, x, middle, first, third, low95=low, high95=high, seeds=len(values))


def spread_handles(color: str = style.MAIN) -> list[Artist]:
    """Return legend entries for `draw_spread`."""
    return [
        Line2D(
            [], [], marker="o", linestyle="", color=color, markerfacecolor="white", label="median"
        ),
        Line2D([], [], color=color, linewidth=2.6, label="quartiles over seeds"),
        Line2D([], [], color=color, linewidth=0.8, label="central 95 % of seeds"),
    ]


def draw_by_rank(
    ledger: Ledger,
    ax: Axes,
    letter: str,
    measures: pd.DataFrame,
    settings: list[str],
    column: str,
) -> None:
    """Draw the spread of a measure over seeds for each rank."""
    for x, setting in enumerate(settings):
        rows = measures[(measures["setting"] == setting) & (measures["case"] == 0)]
        values = rows[column].dropna().to_numpy()
        if len(values):
            color = style.SERIES[0]
            draw_spread(ledger, ax, letter, f"rank {RANKS[setting]}", x, values, color)
    style.category_axis(ax, [RANKS[name] for name in settings], "Rank r", 0.6)
