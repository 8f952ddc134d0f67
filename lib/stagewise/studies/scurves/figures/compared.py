"""Settings of rank 1 beside each other, a colour each: loss, length and alignment."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import Curves, draw_cases_row, seed_handles


@style.context()
def draw(
    *,
    curves: Mapping[str, xr.Dataset],
    labels: Mapping[str, str],
    logarithmic: bool,
    last: float | None,
) -> Drawn:
    """Draw one row, with a colour each case of each setting.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    labels : mapping of str to str
        Names of the settings that are drawn; {decay} is a case's weight decay.
    logarithmic : bool
        Whether steps are.
    last : float or None
        The last step; by default that at which all have converged.
    """
    cases = [
        Curves(curves[name], label.format(decay=decay), case)
        for name, label in labels.items()
        for case, decay in enumerate(curves[name]["weight_decay"].to_numpy())
    ][: len(style.SERIES)]
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.8)
    ledger = Ledger()
    draw_cases_row(ledger, figure.subplots(1, 3), "abc", cases, logarithmic=logarithmic, last=last)
    colors = style.color_handles([case.label for case in cases], linewidth=1.5)
    style.bottom_legend(
        figure, colors, seed_handles(null=False, singles=len(cases) <= 2), columns=4
    )
    return Drawn(figure, ledger.table())
