"""Three settings below each other as the post draws them: loss, lengths and cosines."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    Curves,
    draw_vectors_row,
    seed_handles,
    vector_handles,
)


@style.context()
def draw(
    *,
    curves: Mapping[str, xr.Dataset],
    shown_seed: int,
    labels: Mapping[str, str],
    logarithmic: bool,
) -> Drawn:
    """Draw a row a setting.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    shown_seed : int
        The seed of single-run panels.
    labels : mapping of str to str
        Titles of the settings that are drawn.
    logarithmic : bool
        Whether steps are.
    """
    figure = style.new_figure(style.FULL_WIDTH, 3 * (style.PANEL_HEIGHT + 0.15) + 0.65)
    ledger, rows = Ledger(), ("abc", "def", "ghi")
    for axes, letters, name in zip(figure.subplots(3, 3), rows, labels, strict=True):
        lines = Curves(curves[name], labels[name])
        draw_vectors_row(ledger, axes, letters, lines, shown_seed, logarithmic=logarithmic)
    style.bottom_legend(figure, seed_handles(), vector_handles(), columns=4)
    return Drawn(figure, ledger.table())
