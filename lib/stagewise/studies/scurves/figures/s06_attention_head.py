"""Loss, lengths and what is captured of an attention head of rank 2."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    Curves,
    draw_loss,
    seed_handles,
    seed_lines,
    step_axis,
)


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], measures: pd.DataFrame, shown_seed: int) -> Drawn:
    """Draw the loss over seeds, lengths of the four matrices, and what is captured.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
        The seed of single-run panels.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.8)
    ledger, head = Ledger(), Curves(curves["attention2"], "attention head, rank 2")
    rows = measures[measures["setting"] == "attention2"]
    latest = 1.1 * float(rows["half_drop"].max())  # NaN where no run drops
    last = min(latest, head.steps[-1]) if latest == latest else head.steps[-1]
    axes = figure.subplots(1, 3)
    draw_loss(ledger, axes[0], "a", head, last, False, True)
    lengths = head.of_seed("norm", shown_seed)
    for component, name in enumerate("QKOV"):
        ledger.line(
            axes[1],
            "b",
            name,
            head.steps,
            lengths[:, component].mean(-1),
            color=style.SERIES[component],
        )
    axes[1].set_ylim(bottom=0)
    axes[1].set_ylabel("Length, mean of both vectors\n(dimensionless)")
    seed_lines(ledger, axes[2], "c", head, head.over_seeds("captured")[..., 0])
    axes[2].set_ylabel("Share of the truth captured\n(dimensionless)")
    for ax in axes:
        step_axis(ax, last, False, True)
    axes[0].set_title(f"(a) loss, {len(head.kept)} seeds")
    axes[1].set_title(f"(b) learned matrices, seed {shown_seed}")
    axes[2].set_title(f"(c) whole tensor, {len(head.kept)} seeds")
    matrices = style.color_handles("QKOV", linewidth=None)
    style.bottom_legend(figure, seed_handles(), matrices, columns=4)
    return Drawn(figure, ledger.table())
