"""Single runs over time: generalising while they memorise, long after, or never."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import log
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import marks

_COLORS = {"train": style.SERIES[0], "test": style.SERIES[1]}
_MARKS: Mapping[str, tuple[str, Any]] = {
    "memorised_step": (r"$t_{\mathrm{mem}}$", (0, (4, 1.5))),
    "generalised_step": (r"$t_{\mathrm{gen}}$", "-"),
}


def soonest_rise(runs: pd.DataFrame) -> int:
    """Return the position of the run whose test accuracy rises soonest after its training accuracy.

    Without any rise it is the first run.

    Parameters
    ----------
    runs : DataFrame
        Runs of one setting; layout `modular.layout.RUNS`.
    """
    lag = runs["lag"].to_numpy()
    return 0 if np.isnan(lag).all() else int(np.nanargmin(lag))


def median_delay(runs: pd.DataFrame) -> int:
    """Return the position of the run with the median delay, the lower of two.

    A run that ends before it generalises counts with the delay it has at least; without any delay it is
    the first run.
    """
    delay = runs["least_delay"].to_numpy()
    order = np.argsort(delay)[: np.count_nonzero(~np.isnan(delay))]
    return int(order[(len(order) - 1) // 2]) if len(order) else 0


_CHOICES: Mapping[str, tuple[str, Callable[[pd.DataFrame], int]]] = {
    "early": ("setting early", soonest_rise),
    "late": ("setting late", median_delay),
    "random": ("random table", median_delay),
    "transformer": ("transformer", median_delay),
}
"""Title of each setting, and which of its runs is shown."""


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], runs: pd.DataFrame, learned: float) -> Drawn:
    """Draw accuracy and loss of one run of each setting, the others of the setting light.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `modular.layout.CURVES`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    learned : float
        Accuracy from which a set counts as learned.

    Raises
    ------
    ValueError
        If curves and measures are of different runs.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.9)
    grid = figure.subplots(2, len(_CHOICES), sharey="row", sharex="col")
    ledger = Ledger()
    for (name, (title, choose)), letter, axes in zip(_CHOICES.items(), "abcd", grid.T, strict=True):
        data, rows = curves[name], runs[runs["setting"] == name].reset_index(drop=True)
        if not np.array_equal(rows["seed"].to_numpy(), data["seed"].to_numpy()):
            raise ValueError(f"the runs of {name!r} in curves and measures differ: measure again")
        alive = marks.kept(rows)
        marks.note_diverged(axes[1], rows)
        style.log_step_axis(axes[1], float(data["step"][-1]))
        if not len(alive):
            axes[0].set_title(f"({letter}) {title}")
            continue
        shown = int(alive.index[choose(alive)])
        run = rows.loc[shown]
        axes[0].set_title(f"({letter}) {title}\n{_words(run, len(alive))}")
        for ax, kind in zip(axes, ("accuracy", "loss"), strict=True):
            panel = f"{letter}, {name}, {kind}"
            _curves(ledger, ax, panel, data, alive.index, shown, kind)
            for column, (_, look) in _MARKS.items():
                ax.axvline(run[column], color=style.MAIN, linewidth=0.8, linestyle=look, zorder=1)
        ends = [run["rise_start"], run["rise_end"]]
        levels = np.interp(ends, data["step"], data["test_accuracy"][shown])
        ledger.add(f"{letter}, {name}, accuracy", "rise", ends, levels)
        axes[0].plot(ends, levels, "D", color=_COLORS["test"], markersize=3.5, zorder=5)
        chance = 1 / int(run["modulus"])
        for ax, level in zip(axes, (chance, -log(chance)), strict=True):
            ax.axhline(level, color=style.MUTED, linestyle=":", linewidth=0.8, zorder=1)
        axes[0].axhline(learned, color=style.MUTED, linewidth=0.5, zorder=1)
    grid[0, 0].set_ylim(-0.03, 1.05)
    grid[0, 0].set_ylabel("Accuracy (share of pairs)")
    grid[1, 0].set_yscale("log")
    grid[1, 0].set_ylabel("Cross-entropy (nat, log scale)")
    style.bottom_legend(figure, _handles(learned), columns=4)
    return Drawn(figure, ledger.table())


def _curves(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    data: xr.Dataset,
    alive: Iterable[int],
    shown: int,
    kind: str,
) -> None:
    """Draw train and test curves of the runs at some positions, one of them bold."""
    steps = data["step"].to_numpy()
    for part, color in _COLORS.items():
        values = data[f"{part}_{kind}"].to_numpy()
        for index in alive:
            bold = index == shown
            line = values[index] if kind == "accuracy" else np.clip(values[index], 1e-12, None)
            series = f"{part}, seed {int(data['seed'][index])}, run {index}"
            look: dict[str, Any] = {
                "linewidth": 1.4 if bold else 0.5,
                "alpha": 1.0 if bold else 0.35,
            }
            ledger.line(ax, panel, series, steps, line, color=color, zorder=3 + bold, **look)


def _words(run: pd.Series, count: int) -> str:
    """Return what is learned, which run is shown and when it got there."""
    reached = [
        f"{name} > {run['num_steps']:,}" if np.isnan(run[column]) else f"{name} {run[column]:,.0f}"
        for column, (name, _) in _MARKS.items()
    ]
    bound = ">" if np.isnan(run["generalised_step"]) else "="
    ratio = f"ratio {bound} {np.exp(run['least_delay']):.2g}"
    return (
        f"p = {run['modulus']}, {100 * run['train_fraction']:.0f} % of pairs\n"
        f"seed {run['seed']} of {count} runs\n{', '.join(reached)}\n{ratio}"
    )


def _handles(learned: float) -> list[Line2D]:
    lines = [
        Line2D([], [], color=color, linewidth=1.4, label=f"{part} set")
        for part, color in _COLORS.items()
    ]
    thin: dict[str, Any] = {"color": style.MUTED, "linewidth": 0.8}
    lines += [
        Line2D([], [], label="other runs, light", **thin),
        Line2D([], [], linestyle=":", label="chance", **thin),
    ]
    lines += [
        Line2D([], [], color=style.MAIN, linewidth=0.8, linestyle=look, label=name)
        for name, look in _MARKS.values()
    ]
    return [
        *lines,
        Line2D([], [], linestyle="", marker="D", color=_COLORS["test"], label="rise, 10 to 90 %"),
        Line2D([], [], color=style.MUTED, linewidth=0.5, label=f"learned: {100 * learned:g} %"),
    ]
