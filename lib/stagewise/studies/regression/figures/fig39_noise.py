"""LLC of one run with the same noise at every checkpoint, and with fresh noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.panels import (
    FIRST,
    SECOND,
    agreement_of,
    draw_curves,
    inset_of_all,
    leave_out,
    run_of,
    series_handles,
    stayed,
)


@style.context()
def draw(*, shared: xr.Dataset, fresh: xr.Dataset, agreement: pd.DataFrame) -> Drawn:
    """Draw the LLC with shared and with fresh noise, and how it changes between checkpoints.

    Parameters
    ----------
    shared, fresh : Dataset
        Judged estimates of one run: every checkpoint meets the same batches and noise, or its own.
    agreement : DataFrame
        How the two compare; layout `llc.layout.AGREEMENT`.

    Returns
    -------
    Drawn
        Table of both curves and of their differences from one checkpoint to the next.

    Raises
    ------
    ValueError
        If the estimates belong to different runs.
    """
    run = run_of(shared, fresh)
    figure = style.new_figure(style.FULL_WIDTH, 2.9, f"Run {run}: shared and fresh noise")
    left, right = figure.subplots(1, 2)
    left.set_title("(a) over training")
    right.set_title("(b) from one checkpoint to the next")
    ledger = Ledger()
    curves = {"the same noise at every checkpoint": shared, "noise of each checkpoint's own": fresh}
    draw_curves(ledger, left, curves)
    style.log_step_axis(right, float(max(c["step"].max() for c in curves.values())))
    right.axhline(0, color=style.MUTED, linewidth=0.6)
    for color, (name, llc) in zip((FIRST, SECOND), curves.items(), strict=True):
        step, change, error = changes(llc)
        low, high = change - error, change + error
        ledger.line(right, "change", name, step, change, color=color, marker="o", linewidth=0.6)
        ledger.add("change", f"{name}, standard error", step, change, low, high)
        right.errorbar(step, change, error, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.6)
    _leave_out_escaped(right, curves)
    right.set_ylabel("Change of the LLC since\nthe checkpoint before")
    shape = agreement_of(agreement, shared, fresh)
    if np.isfinite(shape["roughness_ratio"]):
        text = f"roughness, shared / fresh: {shape['roughness_ratio']:.2f}\n"
        style.note(right, f"{text}correlation of the curves: {shape['correlation']:.3f}")
    else:
        style.note(right, "too few estimates\nto compare shapes")
    marks = verdict_marks.handles(ledger.verdicts)
    style.bottom_legend(figure, series_handles(*curves), marks, columns=4)
    return Drawn(figure, ledger.table())


def _leave_out_escaped(ax: Axes, curves: Mapping[str, xr.Dataset]) -> None:
    """Fit the axis to changes between checkpoints from which no chain escaped; an inset shows all."""
    found = [changes(llc) for llc in curves.values()]
    inside = [stayed(llc) for llc in curves.values()]
    between = np.hstack([one[1:] & one[:-1] for one in inside])
    _, change, error = (np.hstack(parts) for parts in zip(*found, strict=True))
    if not leave_out(ax, change, error, between):
        return
    inset = inset_of_all(ax, (0.12, 0.08, 0.3, 0.3))
    inset.set_xscale("log")
    for color, (step, values, _) in zip((FIRST, SECOND), found, strict=True):
        inset.plot(step, values, color=color, linewidth=0.6)


def changes(llc: xr.Dataset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return step, change of the LLC since the checkpoint before, and its standard error.

    The change is taken chain by chain, over chains that diverged at neither checkpoint. Chains that
    share their noise between checkpoints err alike, which the standard error over chains then knows.
    """
    steps = llc["step"].to_numpy()
    each = llc["llc"].where(~llc["diverged"].astype(bool) & llc["llc_mean"].notnull()).to_numpy()
    differences = np.diff(each, axis=0)
    known = np.isfinite(differences)
    count = known.sum(axis=1)
    mean = np.where(known, differences, 0).sum(axis=1) / np.where(count, count, np.nan)
    squares = np.where(known, (differences - mean[:, None]) ** 2, 0).sum(axis=1)
    spread = np.sqrt(squares / np.where(count > 1, count - 1, np.nan))
    return steps[1:], mean, spread / np.sqrt(np.where(count, count, np.nan))
