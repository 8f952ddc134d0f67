"""Likelihood-based against loss-based LLC of one run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.panels import (
    agreement_of,
    draw_curves,
    inset_of_all,
    leave_out,
    run_of,
    series_handles,
)


@style.context()
def draw(*, loss_based: xr.Dataset, likelihood_based: xr.Dataset, agreement: pd.DataFrame) -> Drawn:
    """Draw the LLC of two losses over training, and one against the other.

    Parameters
    ----------
    loss_based, likelihood_based : Dataset
        Judged estimates of one run.
    agreement : DataFrame
        How the two compare; layout `llc.layout.AGREEMENT`.

    Returns
    -------
    Drawn
        Table of both curves and of the pairs.

    Raises
    ------
    ValueError
        If the estimates belong to different runs.
    """
    run = run_of(loss_based, likelihood_based)
    figure = style.new_figure(
        style.FULL_WIDTH, 2.9, f"Run {run}: loss-based and likelihood-based LLC"
    )
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    left.set_title("(a) over training")
    right.set_title("(b) one against the other")
    ledger = Ledger()
    names = "all positions (loss-based)", "random prefix (likelihood-based)"
    draw_curves(ledger, left, dict(zip(names, (loss_based, likelihood_based), strict=True)))
    _scatter(ledger, right, figure, loss_based, likelihood_based)
    order = agreement_of(agreement, loss_based, likelihood_based)
    if np.isfinite(order["rank_correlation"]):
        text = rf"rank correlation $\rho$ = {order['rank_correlation']:.3f}"
        text += f"\n(5 % bounds {order['rank_low']:.3f}, {order['rank_high']:.3f};\n"
        style.note(right, f"{text}{order['rank_checkpoints']} checkpoints)")
    else:
        style.note(right, "too few estimates for\na rank correlation")
    marks = verdict_marks.handles(ledger.verdicts)
    style.bottom_legend(figure, series_handles(*names), marks, columns=4)
    return Drawn(figure, ledger.table())


def _scatter(
    ledger: Ledger, ax: Axes, figure: Figure, first: xr.Dataset, second: xr.Dataset
) -> None:
    """Draw one LLC against the other, coloured by time; the mark is the more severe verdict's."""
    one, two = xr.align(first, second, join="inner")
    x, y = one["llc_mean"].to_numpy(), two["llc_mean"].to_numpy()
    x_error, y_error = one["llc_stderr"].to_numpy(), two["llc_stderr"].to_numpy()
    step = one["step"].to_numpy()
    verdicts = verdict_marks.more_severe(*map(verdict_marks.verdicts_of, (one, two)))
    low, high = y - y_error, y + y_error
    known = np.isfinite(x) & np.isfinite(y)
    ledger.add(
        "pairs", "checkpoints", x, y, low, high, step=step, x_stderr=x_error, verdict=verdicts
    )
    ledger.verdicts |= set(verdicts[known].tolist())
    finite = np.concatenate([x[np.isfinite(x)], y[np.isfinite(y)]])
    if finite.size:
        ends = [finite.min(), finite.max()]
        ledger.line(ax, "pairs", "equal", ends, ends, color=style.MUTED, linewidth=0.6, zorder=1)
    ax.errorbar(x, y, y_error, x_error, fmt="none", ecolor=style.MUTED, elinewidth=0.7, zorder=2)
    colors = ScalarMappable(LogNorm(1, max(float(step.max()), 2.0)), style.SEQUENCE)
    for verdict, (marker, filled, _) in verdict_marks.LOOKS.items():
        chosen = (verdicts == verdict) & known
        if not chosen.any():
            continue
        tints = [tuple(tint) for tint in colors.to_rgba(np.maximum(step[chosen], 1))]
        faces = tints if filled else "white"
        ax.scatter(x[chosen], y[chosen], s=14, c=faces, edgecolors=tints, marker=marker, zorder=3)
    figure.colorbar(colors, ax=ax, label="Training step t (log scale, 0 as 1)", pad=0.02)
    inside = verdicts != "escaped"
    beyond = [
        leave_out(ax, x, x_error, inside, axis="x", always=not inside.all()),
        leave_out(ax, y, y_error, inside, axis="y", always=not inside.all()),
    ]
    if any(beyond):
        inset = inset_of_all(ax, (0.62, 0.1, 0.34, 0.3))
        inset.plot(x, y, color=style.MAIN, marker=".", markersize=1.5, linestyle="")
    ax.set_xlabel(r"$\hat\lambda$, all positions")
    ax.set_ylabel(r"$\hat\lambda$, random prefix")
