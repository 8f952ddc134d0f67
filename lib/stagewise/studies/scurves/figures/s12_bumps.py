"""Bumps with Adam and with descent, and their link to competition."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.contrasts import Contrast, contrast_of
from stagewise.studies.scurves.figures.spreads import draw_spread, spread_handles
from stagewise.studies.scurves.selection import kept

_PAIRS = {"rank2": ("adam2", "2"), "rank10": ("adam10", "10"), "full": ("adamfull", "full")}


_RIVALS = {
    "rank2": "descent\n2",
    "rank4": "descent\n4",
    "rank10": "descent\n10",
    "adam2": "Adam\n2",
    "adam10": "Adam\n10",
}


@style.context()
def draw(*, measures: pd.DataFrame, contrasts: pd.DataFrame) -> Drawn:
    """Draw bumps a run, Adam less descent, and bumps of competing vectors.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    contrasts : DataFrame
        Layout `scurves.layout.CONTRASTS`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.85)
    (a, b, c), ledger = figure.subplots(1, 3, width_ratios=(1, 1, 1.5)), Ledger()
    for x, (name, (other, rank)) in enumerate(_PAIRS.items()):
        pair = {"descent": kept(measures, name), "Adam": kept(measures, other)}
        for shift, color, (label, rows) in zip(
            (-0.15, 0.15), style.SERIES, pair.items(), strict=False
        ):
            values = rows["bumps"].to_numpy()
            draw_spread(ledger, a, "a", f"{label}, rank {rank}", x + shift, values, color)
        more = contrast_of(contrasts, "adam", name)
        if more is not None:
            seeds = len(pair["descent"].index.intersection(pair["Adam"].index))
            ledger.add("b", f"rank {rank}", x, more.difference, more.low, more.high, seeds=seeds)
            _interval(b, x, more, style.MAIN)
    for ax in (a, b):
        style.category_axis(ax, [rank for _, rank in _PAIRS.values()], "Rank r")
    b.axhline(0, color=style.MUTED, linewidth=0.7)
    a.set_ylabel("Bumps a run (count)")
    b.set_ylabel("Adam less descent\n(bumps a run)")
    a.set_title("(a) bumps before convergence")
    b.set_title("(b) mean difference, 95 %")
    _rivalry(ledger, c, contrasts)
    colors = style.color_handles(("descent", "Adam"))
    style.bottom_legend(figure, [*colors, *spread_handles()], columns=5)
    return Drawn(figure, ledger.table())


def _interval(ax: Axes, x: float, contrast: Contrast, color: str) -> None:
    error = [[contrast.difference - contrast.low], [contrast.high - contrast.difference]]
    ax.errorbar([x], [contrast.difference], error, fmt="o", color=color)


def _rivalry(ledger: Ledger, ax: Axes, contrasts: pd.DataFrame) -> None:
    for x, (name, label) in enumerate(_RIVALS.items()):
        contrast = contrast_of(contrasts, "competition", name)
        if contrast is None:
            ax.text(x, 0.02, "all or\nnone", ha="center", va="bottom")
            continue
        series = label.replace("\n", ", rank ")
        ledger.add("c", series, x, contrast.difference, contrast.low, contrast.high)
        _interval(ax, x, contrast, style.SERIES[int(name.startswith("adam"))])
    ax.axhline(0, color=style.MUTED, linewidth=0.7)
    style.category_axis(ax, list(_RIVALS.values()), "Optimiser and rank")
    ax.set_ylabel("Share of vectors with a bump,\ncompeting less not competing")
    level = contrasts.loc[contrasts["kind"] == "competition", "level"].iloc[0]
    ax.set_title(f"(c) bumps and competition, {100 * level:.0f} %")
