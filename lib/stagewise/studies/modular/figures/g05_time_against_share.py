"""Time to generalise against the share of data, with laws fitted to censored times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.experiments import FRACTIONS
from stagewise.studies.modular.figures import marks
from stagewise.studies.modular.laws import FORMS, ShapeInterval, laws_of, shape_of

_SIZES = ("small", "middle", "large")


_LAWS: Mapping[str, Any] = dict(zip(FORMS, ((0, (5, 1.5)), (0, (1, 1)), "-"), strict=True))


_WORDS = {
    "power": "power law",
    "exponential": "exponential",
    "super_exponential": "super-exponential",
}


@style.context()
def draw(*, runs: pd.DataFrame, laws: pd.DataFrame) -> Drawn:
    """Draw times and laws at three moduli, and what tells the laws apart.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    laws : DataFrame
        Layout `modular.layout.LAWS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.1)
    grid, ledger = figure.subplots(2, 3), Ledger()
    moduli, aic, shapes = [], [], []
    for ax, letter, size in zip(grid[0], "abc", _SIZES, strict=True):
        rows = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        alive, modulus = marks.kept(rows), int(rows["modulus"].iloc[0])
        counts = rows.groupby("setting").size().tolist()
        panel = f"{letter}, p = {modulus}"
        for share, part in alive.groupby("train_fraction"):
            times = Times.to_generalise(part)
            marks.draw_times(
                ledger, ax, panel, f"share {share:g}", float(share), times, style.MAIN, 0.008
            )
        own = laws_of(laws, size)
        fractions = np.linspace(alive["train_fraction"].min(), alive["train_fraction"].max(), 60)
        fitted = all(np.isfinite(law.aic) for law in own.values())
        if fitted:
            for (form, law), color in zip(own.items(), style.SERIES, strict=False):
                line = law.median_time(fractions)
                look: dict[str, Any] = {"color": color, "linestyle": _LAWS[form], "zorder": 2}
                ledger.line(ax, panel, _WORDS[form], fractions, line, **look)
        else:
            style.note(ax, "too few shares with\na time for a fit", y=0.3)
        least = min(law.aic for law in own.values())
        aic.append([own[form].aic - least for form in FORMS])
        shapes.append(shape_of(laws, size))
        moduli.append(modulus)
        ax.set_yscale("log")
        ax.set_xlabel("Share of pairs trained on")
        ax.set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
        ax.set_title(f"({letter}) p = {modulus}, {marks.number_of_runs(counts)} a share")
        marks.note_diverged(ax, rows)
    _aic_panel(ledger, grid[1, 0], moduli, aic)
    _shape_panel(ledger, grid[1, 1], moduli, shapes)
    _share_panel(ledger, grid[1, 2], runs)
    laws_shown: list[Artist] = [
        Line2D([], [], color=color, linestyle=_LAWS[form], label=_WORDS[form])
        for form, color in zip(FORMS, style.SERIES, strict=False)
    ]
    handles = [*laws_shown, marks.share_handle()]
    style.bottom_legend(figure, marks.time_handles(), handles, columns=4)
    return Drawn(figure, ledger.table())


def _aic_panel(ledger: Ledger, ax: Axes, moduli: list[int], aic: list[list[float]]) -> None:
    for place, (modulus, values) in enumerate(zip(moduli, aic, strict=True)):
        for shift, form, color, value in zip(
            marks.shifts(3, 0.5), FORMS, style.SERIES, values, strict=False
        ):
            ledger.add("d", _WORDS[form], place + shift, value, modulus=[modulus])
            if np.isfinite(value):
                ax.bar(place + shift, max(value, 0.04), 0.22, color=color)
    ax.set_ylabel("AIC above the best law's")
    ax.set_title("(d) comparison of laws")
    style.category_axis(ax, [str(modulus) for modulus in moduli], "Modulus p")


def _shape_panel(ledger: Ledger, ax: Axes, moduli: list[int], shapes: list[ShapeInterval]) -> None:
    low, high = -8.5, 10.5
    for place, (modulus, one) in enumerate(zip(moduli, shapes, strict=True)):
        ledger.add("e", "shape c", place, one.shape, one.low, one.high, modulus=[modulus])
        if np.isfinite(one.shape):
            ends = np.clip([one.low, one.high], low, high)
            ax.plot([place, place], ends, color=style.MAIN, linewidth=1.0)
            ax.plot([place], [one.shape], "o", color=style.MAIN, markersize=3.6)
    for level, word in ((-1.0, "exponential"), (0.0, "power law")):
        ax.axhline(level, color=style.MUTED, linestyle=":", linewidth=0.8, zorder=1)
        side = "bottom" if level == 0 else "top"
        ax.text(0.5, level, word, fontsize=6.5, ha="center", va=side)
    ax.set_ylim(low, high)
    ax.set_ylabel("Shape c (95 % interval)")
    ax.set_title("(e) faster than exponential: c > −1")
    style.category_axis(ax, [str(modulus) for modulus in moduli], "Modulus p")


def _share_panel(ledger: Ledger, ax: Axes, runs: pd.DataFrame) -> None:
    for size, color, mark in zip(_SIZES, style.SERIES, "os^", strict=False):
        rows = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        modulus = int(rows["modulus"].iloc[0])
        for share, part in rows.groupby("train_fraction"):
            marks.draw_share(ledger, ax, "f", f"p = {modulus}", float(share), part, color, mark)
        ax.plot([], [], mark, color=color, markersize=3.6, label=f"p = {modulus}")
    marks.share_axis(ax)
    ax.set_xlabel("Share of pairs trained on")
    ax.set_title("(f) within the steps of a run")
    ax.legend(loc="lower right")
