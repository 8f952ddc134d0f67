"""Whole figures of S-curves that differ in their settings alone."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    MATRIX_COMPONENTS,
    Curves,
    draw_cases_row,
    draw_vectors_row,
    seed_handles,
    vector_handles,
)


def stacked(
    curves: Mapping[str, xr.Dataset], labels: Mapping[str, str], seed: int, *, logarithmic: bool
) -> Drawn:
    """Draw three settings below each other as the post does: loss, lengths and cosines.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    labels : mapping of str to str
        Titles of the settings that are drawn.
    seed : int
        The seed of single-run panels.
    logarithmic : bool
        Whether steps are.
    """
    figure = style.new_figure(style.FULL_WIDTH, 3 * (style.PANEL_HEIGHT + 0.15) + 0.65)
    ledger, rows = Ledger(), ("abc", "def", "ghi")
    for axes, letters, name in zip(figure.subplots(3, 3), rows, labels, strict=True):
        lines = Curves(curves[name], labels[name])
        draw_vectors_row(ledger, axes, letters, lines, seed, logarithmic=logarithmic)
    style.bottom_legend(figure, seed_handles(), vector_handles(4, MATRIX_COMPONENTS), columns=4)
    return Drawn(figure, ledger.table())


def compared(cases: list[Curves], *, logarithmic: bool, last: float | None) -> Drawn:
    """Draw cases of rank 1 in one row: loss, length and alignment.

    Parameters
    ----------
    cases : list of Curves
    logarithmic : bool
        Whether steps are.
    last : float or None
        The last step; by default that at which all have converged.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.8)
    ledger = Ledger()
    axes = figure.subplots(1, 3)
    draw_cases_row(ledger, axes, "abc", cases, logarithmic=logarithmic, last=last)
    colors = [
        Line2D([], [], color=color, linewidth=1.5, label=curves.label)
        for color, curves in zip(style.SERIES, cases, strict=False)
    ]
    style.bottom_legend(figure, colors, seed_handles(null=False), columns=4)
    return Drawn(figure, ledger.table())
