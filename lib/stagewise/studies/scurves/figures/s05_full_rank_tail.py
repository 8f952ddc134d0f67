"""Full rank, its power-law tail, and vectors that stay apart from single targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    Curves,
    draw_vectors_row,
    seed_handles,
    vector_handles,
)
from stagewise.studies.scurves.figures.spreads import RANKS, draw_by_rank, spread_handles


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], measures: pd.DataFrame, shown_seed: int) -> Drawn:
    """Draw vectors of one run, tails with fits to them, and the best cosines by rank.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
        The seed of single-run panels.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.1)
    top, bottom = figure.subplots(2, 3)
    ledger, shown = Ledger(), Curves(curves["fulltail"], "full rank")
    draw_vectors_row(
        ledger, top, "abc", shown, shown_seed, last=400.0 if shown.steps[-1] > 400 else None
    )
    for color, name in ((style.MAIN, "fulltail"), (style.SERIES[0], "rank10")):
        _tail(ledger, bottom[0], Curves(curves[name], RANKS[name]), measures, color)
    bottom[0].set_title("(d) tails, five seeds and fits")
    settings = list(RANKS)
    draw_by_rank(ledger, bottom[1], "e", measures, settings, "tail_aic_difference")
    bottom[1].axhline(0, color=style.MAIN, linewidth=0.6)
    bottom[1].set_ylabel("AIC, power law less exponential\n(dimensionless)")
    bottom[1].set_title("(e) below zero: power law")
    draw_by_rank(ledger, bottom[2], "f", measures, settings, "best_cosine")
    bottom[2].set_ylim(0, 1.03)
    bottom[2].set_ylabel("Best |cosine| with a target at\nthe end, median over vectors")
    bottom[2].set_title("(f) single targets")
    for x, name in enumerate(settings):
        chance = chance_cosine(curves[name].attrs["rank"], curves[name].attrs["dimension"])
        ledger.add("f", f"chance, rank {RANKS[name]}", x, chance)
        bottom[2].plot([x - 0.25, x + 0.25], [chance, chance], color=style.ACCENT, linewidth=1.0)
    marks = [*spread_handles(), Line2D([], [], color=style.ACCENT, label="random vectors")]
    style.bottom_legend(figure, seed_handles(), vector_handles(), marks, columns=4)
    return Drawn(figure, ledger.table())


def chance_cosine(rank: int, dimension: int) -> float:
    """Return the median of the largest |cosine| of a random vector with `rank` random targets.

    The square of one cosine has a Beta(1/2, (d - 1)/2) distribution; in one dimension it is 1.
    """
    if dimension == 1:
        return 1.0
    square = scipy.stats.beta.ppf(0.5 ** (1 / rank), 0.5, (dimension - 1) / 2)
    return float(np.sqrt(square))


def _tail(ledger: Ledger, ax: Axes, curves: Curves, measures: pd.DataFrame, color: str) -> None:
    """Draw losses on logarithmic axes with the power law fitted to each tail's median exponent."""
    label = f"rank {curves.label}" if curves.label != "full" else "full rank"
    for index, line in zip(curves.kept[:5], curves.over_seeds("loss"), strict=False):
        seed = int(curves.data["seed"][index])
        look: dict[str, Any] = {
            "color": color,
            "linewidth": 0.7,
            "label": label if index == 0 else None,
        }
        first = np.clip(line[1:] / line[0], 1e-300, None)
        ledger.line(ax, "d", f"{label}, seed {seed}", curves.steps[1:], first, **look)
    if curves.label == "full":
        rows = measures[measures["setting"] == curves.data.attrs["setting"]]
        exponent, begin = rows["tail_exponent"].median(), rows["half_drop"].median()
        if np.isfinite(exponent) and np.isfinite(begin):
            steps = np.geomspace(begin, curves.steps[-1], 20)
            loss = np.median(curves.over_seeds("loss"), axis=0)
            middle = np.sqrt(begin * curves.steps[-1])
            height = np.interp(middle, curves.steps, loss) / loss[0]
            law = 2.5 * height * (steps / middle) ** -exponent
            look = {"color": style.ACCENT, "linestyle": "--", "linewidth": 1.1}
            text = rf"$t^{{-{exponent:.2f}}}$ (shifted)"
            ledger.line(ax, "d", "power law", steps, law, label=text, **look)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-8, 3)
    ax.set_xlabel("Step (log scale)")
    ax.set_ylabel("Loss (share of first loss)")
    ax.legend(loc="lower left")
