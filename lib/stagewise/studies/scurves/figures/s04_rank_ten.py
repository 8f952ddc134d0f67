"""Rank 10, and when each target is captured."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr

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
    """Draw vectors of one run, what is captured of each target, and its times by rank.

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
    ledger, shown = Ledger(), Curves(curves["rank10"], "rank 10")
    last = shown.converged()
    draw_vectors_row(ledger, top, "abc", shown, shown_seed, last=last)
    share = shown.of_seed("captured", shown_seed)
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.92, share.shape[1]))
    for target, color in enumerate(colors):
        ledger.line(
            bottom[0], "d", f"target {target + 1}", shown.steps, share[:, target], color=color
        )
    bottom[0].axhline(0.5, color=style.MUTED, linestyle=":", linewidth=0.8)
    bottom[0].set_xlim(0, 0.5 * last)
    bottom[0].set_xlabel("Step")
    bottom[0].set_ylabel("Share of a target captured\n(dimensionless)")
    bottom[0].set_title(f"(d) each of {share.shape[1]} targets, seed {shown_seed}")
    names = [name for name in RANKS if name != "fulltail"]
    panels = (
        ("e", "target_time", "Flow time to half of a target,\nmedian (dimensionless)"),
        ("f", "target_spread", "Last less first target, flow time\n(dimensionless)"),
    )
    titles = ("(e) one target, by rank", "(f) spread of targets, by rank")
    for ax, (letter, column, label), title in zip(bottom[1:], panels, titles, strict=True):
        draw_by_rank(ledger, ax, letter, measures, names, column)
        ax.set_ylabel(label)
        ax.set_ylim(bottom=0)
        ax.set_title(title)
    style.bottom_legend(figure, seed_handles(), vector_handles(), spread_handles(), columns=4)
    return Drawn(figure, ledger.table())
