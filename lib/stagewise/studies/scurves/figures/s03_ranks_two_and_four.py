"""Ranks 2 and 4, with bumps of alignment marked."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.bumps import find_bumps
from stagewise.studies.scurves.figures.rows import (
    SHOWN_VECTORS,
    Curves,
    draw_vectors_row,
    seed_handles,
    vector_handles,
)


@style.context()
def draw(
    *,
    curves: Mapping[str, xr.Dataset],
    measures: pd.DataFrame,
    shown_seed: int,
    bump_prominence: float,
) -> Drawn:
    """Draw losses, and lengths and cosines of the first seed with a bump.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
        The seed of single-run panels where no seed has a bump.
    bump_prominence : float
        Least prominence of a bump that is marked.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.95)
    ledger = Ledger()
    for axes, letters, rank in zip(figure.subplots(2, 3), ("abc", "def"), (2, 4), strict=True):
        setting = f"rank{rank}"
        lines = Curves(curves[setting], f"rank {rank}")
        seed = _bumpy_seed(measures, setting, shown_seed)
        draw_vectors_row(ledger, axes, letters, lines, seed, last=lines.converged(), x=rank == 4)
        _mark_bumps(ledger, axes[2], letters[2], lines, seed, bump_prominence)
    mark = Line2D([], [], marker="v", linestyle="", color=style.ACCENT, label="bump")
    style.bottom_legend(figure, seed_handles(), [*vector_handles(), mark], columns=4)
    return Drawn(figure, ledger.table())


def _bumpy_seed(measures: pd.DataFrame, setting: str, otherwise: int) -> int:
    """Return the first seed of a setting with a bump, or another one if there is none."""
    rows = measures[(measures["setting"] == setting) & (measures["bumps"] > 0)]
    return int(rows["seed"].iloc[0]) if len(rows) else otherwise


def _mark_bumps(
    ledger: Ledger, ax: Axes, letter: str, curves: Curves, seed: int, prominence: float
) -> None:
    cosine = curves.of_seed("cosine", seed)[:, :SHOWN_VECTORS]
    for bump in find_bumps(cosine, prominence):
        x, y = curves.steps[bump.record], abs(cosine[bump.record, bump.vector, bump.target])
        series = f"bump of vector {bump.vector + 1}, target {bump.target + 1}"
        ledger.add(letter, series, x, y)
        ax.plot([x], [y + 0.05], "v", color=style.ACCENT, markersize=3.5, zorder=5)
