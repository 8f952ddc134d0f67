"""Plateaus against rank and against the number of components."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.core.intervals import share_interval
from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.spreads import draw_spread, spread_handles
from stagewise.studies.scurves.selection import kept

_RANKS = {"rank1": "1", "rank2": "2", "rank4": "4", "rank10": "10", "full": "full"}


_COMPONENTS = {"vector": "1", "rank1": "2", "product3": "3", "product4": "4", "product5": "5"}


@style.context()
def draw(*, measures: pd.DataFrame) -> Drawn:
    """Draw lengths and shares of plateaus, and how far the fall slows down.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.0)
    grid, ledger = figure.subplots(2, 3), Ledger()
    rows = (("abc", _RANKS, None, "Rank r"), ("def", _COMPONENTS, 0.2, "Components c"))
    for axes, (letters, settings, rate, label) in zip(grid, rows, strict=True):
        color = style.SERIES[int(label != "Rank r")]
        for x, (name, text) in enumerate(settings.items()):
            runs, series = kept(measures, name, rate), f"{label} {text}"
            for ax, letter, column in (
                (axes[0], letters[0], "plateau_ratio"),
                (axes[2], letters[2], "least_rate"),
            ):
                values = runs[column].dropna().to_numpy()
                if len(values):
                    draw_spread(ledger, ax, letter, series, x, values, color)
            _shares(ledger, axes[1], letters[1], series, x, runs)
        axes[0].set_yscale("log")
        axes[0].set_ylabel("Half-drop over end of decay\n(dimensionless)")
        axes[1].set_ylabel("Share of seeds")
        axes[1].set_ylim(-0.05, 1.05)
        axes[2].set_ylabel("Least rate over largest beside it\n(dimensionless)")
        axes[2].axhline(1, color=style.MUTED, linestyle=":", linewidth=0.8)
        for ax in axes:
            style.category_axis(ax, list(settings.values()), label, 0.6)
        axes[0].set_title(f"({letters[0]}) plateau length, {len(runs)} seeds")
        axes[1].set_title(f"({letters[1]}) shares, 95 % intervals")
        axes[2].set_title(f"({letters[2]}) does the fall slow down?")
    marks = [
        Line2D([], [], marker="o", linestyle="", color=style.MAIN, label="with a plateau"),
        Line2D(
            [], [], marker="^", linestyle="", color=style.ACCENT, label="ended before half-drop"
        ),
    ]
    style.bottom_legend(figure, [*spread_handles(), *marks], columns=5)
    return Drawn(figure, ledger.table())


def _shares(
    ledger: Ledger, ax: Axes, panel: str, series: str, x: float, rows: pd.DataFrame
) -> None:
    """Draw the shares of seeds with a plateau and with a censored one, Wilson intervals."""
    found = rows["decay_end"].notna()
    for mark, color, name, flags in (
        ("o", style.MAIN, "plateau", found),
        ("^", style.ACCENT, "censored", rows["censored"] > 0),
    ):
        low, high = share_interval(int(flags.sum()), len(flags))
        mean = float(flags.mean())
        ledger.add(panel, f"{series}, {name}", x, mean, low, high)
        at = x + (0.12 if name == "censored" else -0.12)
        ax.errorbar([at], [mean], [[mean - low], [high - mean]], fmt=mark, color=color)
