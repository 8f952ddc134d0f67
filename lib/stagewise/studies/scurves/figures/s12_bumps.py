"""Bumps with Adam and with descent, and their link to competition."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.core.intervals import mean_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.contrasts import bump_contrast
from stagewise.studies.scurves.figures.spreads import (
    draw_spread,
    kept_runs,
    spread_handles,
)

_PAIRS = {"rank2": ("adam2", "2"), "rank10": ("adam10", "10"), "full": ("adamfull", "full")}


_RIVALS = {
    "rank2": "descent,\nrank 2",
    "rank4": "descent,\nrank 4",
    "rank10": "descent,\nrank 10",
    "adam2": "Adam,\nrank 2",
    "adam10": "Adam,\nrank 10",
}


_RIVALRY_LEVEL = 0.99
"""95 % over the five settings."""


@style.context()
def draw(*, measures: pd.DataFrame) -> Drawn:
    """Draw bumps a run, Adam less descent, and bumps of competing vectors.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.85)
    (a, b, c), ledger = figure.subplots(1, 3, width_ratios=(1, 1, 1.5)), Ledger()
    for x, (name, (other, rank)) in enumerate(_PAIRS.items()):
        pair = {"descent": kept_runs(measures, name), "Adam": kept_runs(measures, other)}
        for shift, color, (label, rows) in zip(
            (-0.15, 0.15), style.SERIES, pair.items(), strict=False
        ):
            values = rows["bumps"].to_numpy()
            draw_spread(ledger, a, "a", f"{label}, rank {rank}", x + shift, values, color)
        joined = pair["descent"].merge(pair["Adam"], on="seed")
        difference = (joined["bumps_y"] - joined["bumps_x"]).to_numpy()
        mean, low, high = mean_interval(difference)
        ledger.add("b", f"rank {rank}", x, mean, low, high, seeds=len(difference))
        b.errorbar([x], [mean], [[mean - low], [high - mean]], fmt="o", color=style.MAIN)
    for ax in (a, b):
        ax.set_xticks(range(len(_PAIRS)), [rank for _, rank in _PAIRS.values()])
        ax.set_xlim(-0.5, len(_PAIRS) - 0.5)
        ax.set_xlabel("Rank r")
    b.axhline(0, color=style.MUTED, linewidth=0.7)
    a.set_ylabel("Bumps a run (count)")
    b.set_ylabel("Bumps, Adam less descent (count)")
    a.set_title("(a) bumps before convergence")
    b.set_title("(b) mean difference, 95 %")
    _rivalry(ledger, c, measures)
    colors = [
        Line2D([], [], color=color, linewidth=2.6, label=label)
        for color, label in zip(style.SERIES, ("descent", "Adam"), strict=False)
    ]
    style.bottom_legend(figure, [*colors, *spread_handles()], columns=5)
    return Drawn(figure, ledger.table())


def _rivalry(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    for x, (name, label) in enumerate(_RIVALS.items()):
        contrast = bump_contrast(kept_runs(measures, name), _RIVALRY_LEVEL)
        if contrast is None:
            ax.text(x, 0.02, "all or\nnone", ha="center", va="bottom", fontsize=6)
            continue
        series = label.replace("\n", " ")
        ledger.add("c", series, x, contrast.difference, contrast.low, contrast.high)
        error = [[contrast.difference - contrast.low], [contrast.high - contrast.difference]]
        color = style.SERIES[int(name.startswith("adam"))]
        ax.errorbar([x], [contrast.difference], error, fmt="o", color=color)
    ax.axhline(0, color=style.MUTED, linewidth=0.7)
    ax.set_xticks(range(len(_RIVALS)), list(_RIVALS.values()), fontsize=6.5)
    ax.set_xlim(-0.5, len(_RIVALS) - 0.5)
    ax.set_xlabel("Optimiser and rank")
    ax.set_ylabel("Share of vectors with a bump,\ncompeting less not competing")
    ax.set_title(f"(c) bumps and competition, {100 * _RIVALRY_LEVEL:.0f} %")
