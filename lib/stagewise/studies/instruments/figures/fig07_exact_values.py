"""Estimated against exact learning coefficients, case by case (Fig. 7)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger

LOOKS = {
    "quadratic": (style.SERIES[0], "o"),
    "scaled quadratic": (style.SERIES[0], "s"),
    "scaled, strong pull": (style.MUTED, "s"),
    "minibatches": (style.SERIES[0], "P"),
    "sum of powers": (style.SERIES[2], "^"),
    "normal crossing": (style.SERIES[3], "D"),
    "two layers": (style.SERIES[1], "o"),
    "deep": (style.MAIN, "v"),
}
"""Colour and marker of each family, in the order of the legend."""

ROW_HEIGHT = 0.155
"""Height in inches of one case in the right panel."""

MARKER_SIZE = 3.6


@style.context()
def draw(*, table: pd.DataFrame) -> Drawn:
    """Draw estimates against exact values, and relative errors by name.

    Parameters
    ----------
    table : DataFrame
        Layout `exact.layout.VALIDATION`.

    Returns
    -------
    Drawn
        Table of every point, its 95 % interval and whether the interval covers the exact value.

    Raises
    ------
    ValueError
        If a family is unknown.
    """
    unknown = set(table["family"]) - set(LOOKS)
    if unknown:
        raise ValueError(f"no colour is set for the families {sorted(unknown)}")
    covers = table["interval_low"].le(table["exact"]) & table["interval_high"].ge(table["exact"])
    table = table.assign(covers=covers)
    figure = style.new_figure(style.FULL_WIDTH, 1.2 + ROW_HEIGHT * len(table), _summary(table))
    left, right = figure.subplots(1, 2, width_ratios=[1.0, 1.15])
    ledger = Ledger()
    _identity(ledger, left, table)
    _errors(ledger, right, table)
    style.bottom_legend(figure, *_handles(table), columns=4)
    return Drawn(figure, ledger.table())


def _summary(table: pd.DataFrame) -> str:
    """Say how well the estimates do, over all cases."""
    made = table["estimate"].notna()
    error = (table["bias"] / table["exact"]).abs()[made]
    text = f"{int(table['covers'].sum())} of {len(table)} intervals cover the exact value"
    if made.any():
        text += f"; median relative error {100 * error.median():.1f} %"
    return text if made.all() else f"{text}; {int((~made).sum())} without estimate"


def _identity(ledger: Ledger, ax: Axes, table: pd.DataFrame) -> None:
    drawn = table[table["estimate"] > 0]
    ends = 0.7 * float(table["exact"].min()), 1.4 * float(table["exact"].max())
    ledger.line(ax, "a", "identity", ends, ends, color=style.MUTED, linewidth=0.8, zorder=1)
    for family, rows in drawn.groupby("family", sort=False):
        color, marker = LOOKS[str(family)]
        x, y = rows["exact"].to_numpy(), rows["estimate"].to_numpy()
        low, high = rows["interval_low"].to_numpy(), rows["interval_high"].to_numpy()
        ledger.add("a", str(family), x, y, low, high, covers=rows["covers"].to_numpy())
        # A logarithmic axis cannot show a bound below 0.
        bars = [y - np.maximum(low, 1e-3 * y), high - y]
        ax.errorbar(x, y, np.nan_to_num(bars), fmt="none", ecolor=color, elinewidth=0.8, zorder=2)
        _dots(ax, x, y, rows["covers"].to_numpy(), color, marker)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(ends)
    ax.set_xlabel("Exact learning coefficient " r"$\lambda$ (log scale)")
    ax.set_ylabel("LLC estimate " r"$\hat\lambda$ (log scale)")
    ax.set_title("(a) Estimates and 95 % intervals")
    missing = len(table) - len(drawn)
    if missing:
        style.note(ax, f"{missing} without a positive estimate")


def _errors(ledger: Ledger, ax: Axes, table: pd.DataFrame) -> None:
    place = pd.Series(np.arange(len(table)), index=table.index)
    relative = {
        name: 100 * (table[name] - table["exact"]) / table["exact"]
        for name in ("estimate", "interval_low", "interval_high", "finite")
    }
    ax.axvline(0, color=style.MUTED, linewidth=0.8, zorder=1)
    for family, rows in table.groupby("family", sort=False):
        color, marker = LOOKS[str(family)]
        y, covers = place[rows.index].to_numpy(), rows["covers"].to_numpy()
        x, low, high = (
            relative[name][rows.index].to_numpy()
            for name in ("estimate", "interval_low", "interval_high")
        )
        names = rows["case"].to_numpy()
        ledger.add("b", str(family), x, y, low, high, covers=covers, case=names)
        ax.hlines(y, low, high, color=color, linewidth=0.8, zorder=2)
        _dots(ax, x, y, covers, color, marker)
        if y[0]:
            ax.axhline(y[0] - 0.5, color=style.MUTED, linewidth=0.3)
    known = table["finite"].notna().to_numpy()
    x, y = relative["finite"].to_numpy()[known], place.to_numpy()[known]
    ledger.add("b", "exact at finite n_beta", x, y)
    ax.plot(x, y, "|", color=style.ACCENT, markersize=6, markeredgewidth=1.1, zorder=5)
    labels = [
        name if m == 1 else f"{name} (m = {m})"
        for name, m in zip(table["case"], table["multiplicity"], strict=True)
    ]
    ax.set_yticks(place, labels)
    ax.tick_params(axis="y", length=0, labelsize=6)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlabel("Error of the estimate, % of " r"$\lambda$")
    ax.set_title("(b) Relative errors")


def _dots(
    ax: Axes, x: np.ndarray, y: np.ndarray, covers: np.ndarray, color: str, marker: str
) -> None:
    """Draw points, hollow where the interval misses the exact value."""
    for flag, face in ((True, color), (False, "white")):
        ax.plot(
            x[covers == flag],
            y[covers == flag],
            marker,
            color=color,
            markerfacecolor=face,
            markeredgewidth=0.8,
            markersize=MARKER_SIZE,
            zorder=4,
        )


def _handles(table: pd.DataFrame) -> tuple[list[Artist], list[Artist]]:
    def dot(color: str, marker: str, label: str, face: str | None = None) -> Line2D:
        return Line2D(
            [],
            [],
            color=color,
            marker=marker,
            linestyle="",
            markersize=MARKER_SIZE,
            markeredgewidth=0.8,
            markerfacecolor=face or color,
            label=label,
        )

    families: list[Artist] = [
        dot(*look, family) for family, look in LOOKS.items() if family in set(table["family"])
    ]
    signs: list[Artist] = [
        dot(style.MUTED, "o", "interval covers"),
        dot(style.MUTED, "o", "interval misses", face="white"),
        dot(style.ACCENT, "|", r"exact at finite $n\beta$, toys"),
    ]
    return families, signs
