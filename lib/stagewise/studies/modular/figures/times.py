"""Time to generalise against the share of data and the initial scale: figures g5 and g6."""

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
from stagewise.studies.modular.configuration import FRACTIONS
from stagewise.studies.modular.figures.marks import (
    category_axis,
    color_handles,
    draw_share,
    draw_times,
    kept,
    note_diverged,
    number_of_runs,
    share_axis,
    share_handle,
    shifts,
    time_handles,
)
from stagewise.studies.modular.scaling import FORMS, Runs, ShapeInterval, fit_laws, shape_interval

_SIZES = ("small", "middle", "large")
_LAWS: Mapping[str, Any] = dict(zip(FORMS, ((0, (5, 1.5)), (0, (1, 1)), "-"), strict=True))
_WORDS = {
    "power": "power law",
    "exponential": "exponential",
    "super_exponential": "super-exponential",
}
_LEVEL = 0.95


@style.context()
def times_on_shares(runs: pd.DataFrame) -> Drawn:
    """Draw g5: time to generalise against the share of data, with laws fitted to censored times.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.1)
    grid, ledger = figure.subplots(2, 3), Ledger()
    moduli, aic, shapes = [], [], []
    for ax, letter, size in zip(grid[0], "abc", _SIZES, strict=True):
        rows = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        alive, modulus = kept(rows), int(rows["modulus"].iloc[0])
        counts = rows.groupby("setting").size().tolist()
        panel = f"{letter}, p = {modulus}"
        for share, part in alive.groupby("train_fraction"):
            times = Times.to_generalise(part)
            draw_times(
                ledger, ax, panel, f"share {share:g}", float(share), times, style.MAIN, 0.008
            )
        known = Runs.of(rows)
        laws = fit_laws(known)
        fractions = np.linspace(known.fraction.min(), known.fraction.max(), 60)
        fitted = all(np.isfinite(law.aic) for law in laws.values())
        if fitted:
            for (form, law), color in zip(laws.items(), style.SERIES, strict=False):
                line = law.median_time(fractions)
                look: dict[str, Any] = {"color": color, "linestyle": _LAWS[form], "zorder": 2}
                ledger.line(ax, panel, _WORDS[form], fractions, line, **look)
        else:
            style.note(ax, "too few shares with\na time for a fit", y=0.3)
        least = min((law.aic for law in laws.values()), default=np.nan)
        aic.append([laws[form].aic - least for form in FORMS])
        shapes.append(shape_interval(known, _LEVEL))
        moduli.append(modulus)
        ax.set_yscale("log")
        ax.set_xlabel("Share of pairs trained on")
        ax.set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
        ax.set_title(f"({letter}) p = {modulus}, {number_of_runs(counts)} a share")
        note_diverged(ax, rows)
    _aic_panel(ledger, grid[1, 0], moduli, aic)
    _shape_panel(ledger, grid[1, 1], moduli, shapes)
    _share_panel(ledger, grid[1, 2], runs)
    laws_shown: list[Artist] = [
        Line2D([], [], color=color, linestyle=_LAWS[form], label=_WORDS[form])
        for form, color in zip(FORMS, style.SERIES, strict=False)
    ]
    style.bottom_legend(figure, time_handles(), [*laws_shown, share_handle()], columns=4)
    return Drawn(figure, ledger.table())


def _aic_panel(ledger: Ledger, ax: Axes, moduli: list[int], aic: list[list[float]]) -> None:
    for place, (modulus, values) in enumerate(zip(moduli, aic, strict=True)):
        for shift, form, color, value in zip(
            shifts(3, 0.5), FORMS, style.SERIES, values, strict=False
        ):
            ledger.add("d", _WORDS[form], place + shift, value, modulus=[modulus])
            if np.isfinite(value):
                ax.bar(place + shift, max(value, 0.04), 0.22, color=color)
    ax.set_ylabel("AIC above the best law's")
    ax.set_title("(d) comparison of laws")
    category_axis(ax, [str(modulus) for modulus in moduli], "Modulus p")


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
    category_axis(ax, [str(modulus) for modulus in moduli], "Modulus p")


def _share_panel(ledger: Ledger, ax: Axes, runs: pd.DataFrame) -> None:
    for size, color, mark in zip(_SIZES, style.SERIES, "os^", strict=False):
        rows = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        modulus = int(rows["modulus"].iloc[0])
        for share, part in rows.groupby("train_fraction"):
            draw_share(ledger, ax, "f", f"p = {modulus}", float(share), part, color, mark)
        ax.plot([], [], mark, color=color, markersize=3.6, label=f"p = {modulus}")
    share_axis(ax)
    ax.set_xlabel("Share of pairs trained on")
    ax.set_title("(f) within the steps of a run")
    ax.legend(loc="lower right")


@style.context()
def scales_and_decay(runs: pd.DataFrame) -> Drawn:
    """Draw g6: initial scale against the time to generalise and the grokking delay.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.9)
    axes, ledger = figure.subplots(1, 3), Ledger()
    rows = runs[runs["setting"] == "scaled"]
    scales, decays = (sorted(rows[name].unique()) for name in ("initial_scale", "weight_decay"))
    labels = [f"weight decay {decay:g}" for decay in decays]
    for shift, decay, color in zip(shifts(len(decays)), decays, style.SERIES, strict=False):
        for place, scale in enumerate(scales):
            part = rows[(rows["weight_decay"] == decay) & (rows["initial_scale"] == scale)]
            alive, name, x = kept(part), f"decay {decay:g}", place + shift
            draw_share(ledger, axes[0], "a", name, x, part, color)
            draw_times(ledger, axes[1], "b", name, x, Times.to_generalise(alive), color, 0.06)
            late = alive[alive["least_delay"].notna()]
            delays = Times(
                np.exp(late["least_delay"].to_numpy()), late["generalised_step"].isna().to_numpy()
            )
            draw_times(ledger, axes[2], "c", name, x, delays, color, 0.06)
    counts = rows.groupby(["weight_decay", "initial_scale"]).size().tolist()
    share_axis(axes[0])
    axes[0].set_title(f"(a) {number_of_runs(counts)} each")
    axes[1].set_title("(b) time to generalise")
    axes[2].set_title("(c) grokking delay")
    axes[1].set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
    axes[2].set_ylabel(r"$t_{\mathrm{gen}} / t_{\mathrm{mem}}$ (log scale)")
    for ax in axes:
        category_axis(ax, [f"{scale:g}" for scale in scales], "Initial scale (of all parameters)")
    for ax in axes[1:]:
        ax.set_yscale("log")
    note_diverged(axes[0], rows, y=0.94)
    colors = style.SERIES[: len(decays)]
    style.bottom_legend(
        figure, [*color_handles(labels, colors), share_handle()], time_handles(), columns=4
    )
    return Drawn(figure, ledger.table())
