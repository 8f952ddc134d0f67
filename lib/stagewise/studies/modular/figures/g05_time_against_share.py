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
from stagewise.studies.modular.laws import ALL, CRITICAL, FORMS, Law, laws_of

_SIZES = ("small", "middle", "large")

_LAWS: Mapping[str, Any] = dict(zip(FORMS, ((0, (1, 1)), (0, (5, 1.5)), "-"), strict=True))

_WORDS = {"exponential": "exponential", "power": "power law", "critical": "critical share"}
_COLORS = dict(zip(FORMS, style.SERIES, strict=False))


@style.context()
def draw(*, runs: pd.DataFrame, laws: pd.DataFrame, comparison: pd.DataFrame) -> Drawn:
    """Draw times and laws at three moduli, and whether they tell the laws apart.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    laws, comparison : DataFrame
        Layouts `modular.layout.LAWS` and `modular.layout.COMPARISON`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.2)
    grid, ledger, moduli = figure.subplots(2, 3), Ledger(), {}
    for ax, letter, size in zip(grid[0], "abc", _SIZES, strict=True):
        rows = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        alive, modulus = marks.kept(rows), int(rows["modulus"].iloc[0])
        counts = rows.groupby("setting").size().tolist()
        panel, moduli[size] = f"{letter}, p = {modulus}", f"{modulus}"
        for share, part in alive.groupby("train_fraction"):
            times = Times.to_generalise(part)
            marks.draw_times(
                ledger, ax, panel, f"share {share:g}", float(share), times, style.MAIN, 0.008
            )
        ax.set_yscale("log")
        own = laws_of(laws, size)
        if np.isfinite(own[CRITICAL].aic):
            _laws(ledger, ax, panel, own, alive)
        else:
            style.note(ax, "too few shares with\na time for a fit", y=0.3)
        ax.set_xlabel("Share of pairs trained on")
        ax.set_ylabel(r"$t_{\mathrm{gen}}$ (steps, log scale)")
        ax.set_title(f"({letter}) p = {modulus}, {marks.number_of_runs(counts)} a share")
        marks.note_diverged(ax, rows)
    for ax, letter, null in zip(grid[1], "de", ("exponential", "power"), strict=False):
        _comparison(ledger, ax, letter, comparison[comparison["null"] == null], null, moduli)
    _share_panel(ledger, grid[1, 2], runs)
    shown: list[Artist] = [
        Line2D([], [], color=_COLORS[form], linestyle=_LAWS[form], label=_WORDS[form])
        for form in FORMS
    ]
    ranges = [Line2D([], [], label=text, **_RANGE, color=color) for text, color in _RANGES.items()]
    observed = Line2D([], [], label="observed", **_OBSERVED)
    handles = [*shown, *ranges, observed, marks.share_handle()]
    style.bottom_legend(figure, marks.time_handles(), handles, columns=4)
    return Drawn(figure, ledger.table())


_RANGE: dict[str, Any] = {"linewidth": 5, "alpha": 0.5, "solid_capstyle": "butt"}
_RANGES = {
    "simulated: no critical share": style.MUTED,
    "simulated: a critical share": _COLORS[CRITICAL],
}
_OBSERVED: dict[str, Any] = {
    "marker": "D",
    "linestyle": "",
    "color": style.MAIN,
    "markersize": 4,
    "zorder": 5,
}


def _laws(
    ledger: Ledger, ax: Axes, panel: str, own: Mapping[str, Law], alive: pd.DataFrame
) -> None:
    """Draw the medians of three laws within the times that there are, and where one diverges."""
    low, high = alive["train_fraction"].min(), alive["train_fraction"].max()
    fractions = np.linspace(low - 0.25 * (high - low), high, 200)
    bottom, top = ax.get_ylim()
    for form, law in own.items():
        line = law.median_time(fractions)
        kept = np.isfinite(line) & (line < 2 * top)
        look: dict[str, Any] = {"color": _COLORS[form], "linestyle": _LAWS[form], "zorder": 2}
        ledger.line(ax, panel, _WORDS[form], fractions[kept], line[kept], **look)
    share = own[CRITICAL].critical_share
    ledger.add(panel, "diverges at", [share], [top])
    if share > fractions[0]:
        ax.axvline(share, color=_COLORS[CRITICAL], linewidth=0.6, linestyle=":")
    ax.set_ylim(bottom, 2 * top)


def _comparison(
    ledger: Ledger,
    ax: Axes,
    letter: str,
    rows: pd.DataFrame,
    null: str,
    moduli: Mapping[str, str],
) -> None:
    """Draw the gain of the critical law, as simulated by either law and as observed."""
    names = {**moduli, ALL: "all"}
    for place, size in enumerate(names):
        for row in rows[rows["size"] == size].to_dict("records"):
            for shift, law, color in zip(
                (-0.14, 0.14), ("null", "critical"), _RANGES.values(), strict=True
            ):
                ends = row[f"{law}_low"], row[f"{law}_high"]
                ax.plot([place + shift] * 2, ends, color=color, **_RANGE)
                ledger.add(letter, f"simulated, {law}", place, row[f"{law}_middle"], *ends)
            ax.plot(place, row["observed"], **_OBSERVED)
            ledger.add(letter, "observed", place, row["observed"], p_value=[row["p_value"]])
            if size == ALL:
                words = f"all: p = {row['p_value']:.2g}, power {row['power']:.2f}"
                style.note(ax, words, y=0.93)
    if not len(rows):
        style.note(ax, "too few shares with a time", y=0.5)
    ax.axhline(0, color=style.MUTED, linewidth=0.5)
    ax.margins(y=0.2)
    ax.set_ylabel("Gain in log-likelihood")
    ax.set_title(f"({letter}) critical share or {_WORDS[null]}")
    style.category_axis(ax, list(names.values()), "Modulus p")


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
