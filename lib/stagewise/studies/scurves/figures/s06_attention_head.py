"""Loss, lengths and what is captured of an attention head, run by run; plateaus against drops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    DASHES,
    SHOWN_SEEDS,
    Curves,
    loss_axis,
    note_diverged,
    single_lines,
    step_axis,
)
from stagewise.studies.scurves.selection import kept

_LOOKS: Mapping[str, dict[str, Any]] = {
    name: {"color": color, "linestyle": dashes}
    for name, color, dashes in zip("QKOV", style.SERIES, DASHES, strict=True)
}


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], measures: pd.DataFrame, shown_seed: int) -> Drawn:
    """Draw losses, lengths of the four matrices, what is captured, and how long plateau and drop last.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
        The seed of single-run panels.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.9)
    ledger, head = Ledger(), Curves(curves["attention2"], "attention head, rank 2")
    rows = kept(measures, "attention2")
    latest = 1.1 * float(rows["half_drop"].max())  # NaN where no run drops
    last = min(latest, head.steps[-1]) if latest == latest else head.steps[-1]
    (a, b), (c, d) = figure.subplots(2, 2)
    _runs(ledger, a, "a", head, np.clip(head.over_seeds("loss"), 1e-300, None), shown_seed)
    null = float(np.median(head.data["null_loss"]))
    a.axhline(null, color=style.MUTED, linestyle=":", linewidth=0.8)
    loss_axis(a, head)
    note_diverged(a, head)
    lengths = head.of_seed("norm", shown_seed)
    for component, name in enumerate(_LOOKS):
        values = lengths[:, component].mean(-1)
        ledger.line(b, "b", name, head.steps, values, **_LOOKS[name])
    b.set_ylim(bottom=0)
    b.set_ylabel("Length, mean of both vectors\n(dimensionless)")
    _runs(ledger, c, "c", head, head.over_seeds("captured")[..., 0], shown_seed)
    c.set_ylabel("Share of the truth captured\n(dimensionless)")
    for ax in (a, b, c):
        step_axis(ax, last, False, True)
    _durations(ledger, d, rows)
    number = min(SHOWN_SEEDS, len(head.kept))
    a.set_title(f"(a) loss, {number} seeds")
    b.set_title(f"(b) learned matrices, seed {shown_seed}")
    c.set_title(f"(c) whole tensor, {number} seeds")
    d.set_title(f"(d) plateau and drop, {len(rows)} seeds")
    marks = [
        Line2D([], [], color=style.MAIN, linewidth=0.6, alpha=0.6, label="single seeds"),
        Line2D([], [], color=style.ACCENT, label=f"seed {shown_seed}"),
        Line2D([], [], color=style.MUTED, linestyle=":", label="loss of the zero tensor"),
        Line2D([], [], color=style.MUTED, linewidth=0.8, label="as long as each other"),
    ]
    matrices = [Line2D([], [], label=name, **look) for name, look in _LOOKS.items()]
    style.bottom_legend(figure, marks, matrices, columns=4)
    return Drawn(figure, ledger.table())


def _runs(
    ledger: Ledger, ax: Axes, panel: str, head: Curves, values: np.ndarray, shown: int
) -> None:
    """Draw a line a run, that of the seed of the single-run panel in colour.

    A median over runs that drop at different times is not like any of them, so there is none.
    """
    look: dict[str, Any] = {"color": style.MAIN, "linewidth": 0.6, "alpha": 0.6}
    single_lines(ledger, ax, panel, head, values, **look)
    at = np.flatnonzero(head.data["seed"].to_numpy()[head.kept] == shown)
    if at.size:
        series = f"shown, seed {shown}"
        ledger.line(ax, panel, series, head.steps, values[at[0]], color=style.ACCENT)


def _durations(ledger: Ledger, ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the steps of the drop against those of the plateau; runs without a drop have no point."""
    dropped = rows.dropna(subset=["drop_steps", "decay_end"])
    plateau, drop = dropped["plateau_steps"].to_numpy(), dropped["drop_steps"].to_numpy()
    ledger.add("d", "a seed", plateau, drop, seed=dropped.index.to_numpy())
    ax.plot(plateau, drop, "o", color=style.MAIN)
    ends = [1.0, 2 * float(max([10.0, *plateau, *drop]))]
    ax.plot(ends, ends, color=style.MUTED, linewidth=0.8)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(*ends)
    ax.set_ylim(*ends)
    ax.set_xlabel("Plateau, to half of its level (steps)")
    ax.set_ylabel("Drop, 90 to 10 % of the\nplateau's level (steps)")
