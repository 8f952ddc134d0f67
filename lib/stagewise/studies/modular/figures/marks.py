"""Marks that figures of the modular-addition study share: times with censored runs, shares, colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.core.intervals import share_interval
from stagewise.plots import style
from stagewise.plots.drawn import Ledger
from stagewise.studies.modular.censoring import Times, median_time


def kept(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that did not diverge."""
    return runs[~runs["diverged"]]


def note_diverged(ax: Axes, runs: pd.DataFrame, x: float = 0.03, y: float = 0.12) -> None:
    """Say how many runs diverged and are left out."""
    lost = int(runs["diverged"].sum())
    if lost:
        style.note(ax, f"{lost} of {len(runs)} diverged, left out", x=x, y=y)


def shifts(count: int, width: float = 0.36) -> np.ndarray:
    """Return where series stand beside each other at one place of an axis of categories."""
    return np.zeros(1) if count == 1 else np.linspace(-width / 2, width / 2, count)


def number_of_runs(counts: Sequence[int]) -> str:
    """Return how many runs there are of each kind: "5 seeds" or "4 to 5 seeds"."""
    if not counts:
        return "no seeds"
    low, high = min(counts), max(counts)
    return f"{high} seed{'s' * (high != 1)}" if low == high else f"{low} to {high} seeds"


def draw_points(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    series: str,
    x: float,
    values: np.ndarray,
    color: str,
    spread: float = 0.07,
) -> None:
    """Draw one point a run, side by side, and their median as a bar."""
    if not len(values):
        return
    places = x + np.linspace(-spread, spread, len(values)) if len(values) > 1 else np.array([x])
    ax.plot(places, values, "o", color=color, alpha=0.65, markeredgewidth=0)
    ledger.add(panel, series, np.full(len(values), x), values)
    middle = float(np.median(values))
    _median_bar(ax, x, middle, 1.8 * spread, color, is_bound=False)
    ledger.add(panel, f"{series}, median", x, middle, runs=len(values))


def draw_times(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    series: str,
    x: float,
    times: Times,
    color: str,
    spread: float = 0.07,
) -> None:
    """Draw the time of each run, censored ones as marks upward, and the median as a bar."""
    count = len(times.values)
    if not count:
        return
    places = x + np.linspace(-spread, spread, count) if count > 1 else np.array([x])
    for mark, flags, face in (("o", ~times.censored, color), ("^", times.censored, "white")):
        ax.plot(
            places[flags],
            times.values[flags],
            mark,
            color=color,
            markerfacecolor=face,
            markersize=2.6 if mark == "o" else 3.6,
            markeredgewidth=0 if mark == "o" else 0.7,
            alpha=0.65 if mark == "o" else 0.9,
        )
    ledger.add(panel, series, np.full(count, x), times.values, censored=times.censored)
    middle = median_time(times)
    _median_bar(ax, x, middle.value, 1.8 * spread, color, is_bound=middle.is_bound)
    ledger.add(panel, f"{series}, median", x, middle.value, censored=middle.is_bound, runs=count)


def _median_bar(
    ax: Axes, x: float, middle: float, reach: float, color: str, *, is_bound: bool
) -> None:
    look = (0, (1, 1)) if is_bound else "-"
    ax.plot([x - reach, x + reach], [middle, middle], color=color, linewidth=1.6, linestyle=look)


def draw_share(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    series: str,
    x: float,
    runs: pd.DataFrame,
    color: str,
    mark: str = "o",
) -> None:
    """Draw the share of runs that generalise with Wilson's 95 % interval."""
    if not len(runs):
        return
    good = int((runs["outcome"] == "generalise").sum())
    share = good / len(runs)
    low, high = share_interval(good, len(runs))
    ledger.add(panel, series, x, share, low, high, generalise=good, runs=len(runs))
    error = np.clip([[share - low], [high - share]], 0, None)
    ax.errorbar([x], [share], error, fmt=mark, color=color, markersize=3.6, elinewidth=1.0)


def share_axis(ax: Axes) -> None:
    """Make the y axis one of shares of runs."""
    ax.set_ylim(-0.05, 1.05)
    ax.set_ylabel("Share of runs that generalise")


def time_handles() -> list[Artist]:
    """Return legend entries for `draw_times`."""
    dot: dict[str, Any] = {"linestyle": "", "color": style.MAIN}
    bar: dict[str, Any] = {"color": style.MAIN, "linewidth": 1.6}
    return [
        Line2D([], [], marker="o", label="run", **dot),
        Line2D(
            *([], []),
            marker="^",
            markersize=3.6,
            markerfacecolor="white",
            label="run that ended before",
            **dot,
        ),
        Line2D([], [], label="median", **bar),
        Line2D([], [], linestyle=(0, (1, 1)), label="median is above", **bar),
    ]


def share_handle() -> Artist:
    """Return the legend entry for `draw_share`."""
    return Line2D([], [], marker="o", color=style.MAIN, label="share, 95 % interval (Wilson)")
