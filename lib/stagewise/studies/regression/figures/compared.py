"""Two LLC curves of one run against each other: two losses (Fig. 8), two kinds of noise (Fig. 39)."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from stagewise.llc.agreement import compare_order, compare_shape
from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger

LLC_LABEL = "Local learning coefficient\n" r"$\hat\lambda$ (dimensionless)"
FIRST, SECOND = style.SERIES[0], style.SERIES[1]


def run_of(*llcs: xr.Dataset) -> str:
    """Return the run that all estimates belong to.

    Raises
    ------
    ValueError
        If they belong to different runs.
    """
    runs = {str(llc.attrs["run"]) for llc in llcs}
    if len(runs) != 1:
        raise ValueError(f"estimates of one run can be compared, not of {sorted(runs)}")
    return runs.pop()


@style.context()
def losses_compared(loss_based: xr.Dataset, likelihood_based: xr.Dataset, seed: int) -> Drawn:
    """Draw the LLC of two losses over training, and one against the other.

    Parameters
    ----------
    loss_based, likelihood_based : Dataset
        Judged estimates of one run.
    seed : int
        Seed of the resampling behind the uncertainty of the rank correlation; the claim's.

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
    _curves(ledger, left, dict(zip(names, (loss_based, likelihood_based), strict=True)))
    _scatter(ledger, right, figure, loss_based, likelihood_based)
    order = compare_order(loss_based, likelihood_based, seed)
    if np.isfinite(order.correlation):
        text = rf"rank correlation $\rho$ = {order.correlation:.3f}"
        text += f"\n(5 % bounds {order.low:.3f}, {order.high:.3f};\n"
        style.note(right, f"{text}{order.num_checkpoints} checkpoints)")
    else:
        style.note(right, "too few estimates for\na rank correlation")
    marks = verdict_marks.handles(ledger.verdicts)
    style.bottom_legend(figure, _series_handles(*names), marks, columns=4)
    return Drawn(figure, ledger.table())


@style.context()
def noise_compared(shared: xr.Dataset, fresh: xr.Dataset) -> Drawn:
    """Draw the LLC with shared and with fresh noise, and how it changes between checkpoints.

    Parameters
    ----------
    shared, fresh : Dataset
        Judged estimates of one run: every checkpoint meets the same batches and noise, or its own.

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
    _curves(ledger, left, curves)
    style.log_step_axis(right, float(max(c["step"].max() for c in curves.values())))
    right.axhline(0, color=style.MUTED, linewidth=0.6)
    for color, (name, llc) in zip((FIRST, SECOND), curves.items(), strict=True):
        step, change, error = changes(llc)
        low, high = change - error, change + error
        ledger.line(right, "change", name, step, change, color=color, marker="o", linewidth=0.6)
        ledger.add("change", f"{name}, standard error", step, change, low, high)
        right.errorbar(step, change, error, fmt="none", ecolor=color, elinewidth=0.7, alpha=0.6)
    right.set_ylabel("Change of the LLC since\nthe checkpoint before")
    shape = compare_shape(shared, fresh)
    if np.isfinite(shape.roughness_ratio):
        text = f"roughness, shared / fresh: {shape.roughness_ratio:.2f}\n"
        style.note(right, f"{text}correlation of the curves: {shape.correlation:.3f}")
    else:
        style.note(right, "too few estimates\nto compare shapes")
    marks = verdict_marks.handles(ledger.verdicts)
    style.bottom_legend(figure, _series_handles(*curves), marks, columns=4)
    return Drawn(figure, ledger.table())


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


def _curves(ledger: Ledger, ax: Axes, curves: dict[str, xr.Dataset]) -> None:
    """Draw two curves with their estimates over log time."""
    style.log_step_axis(ax, float(max(curve["step"].max() for curve in curves.values())))
    for color, (name, llc) in zip((FIRST, SECOND), curves.items(), strict=True):
        step, mean = llc["step"].to_numpy(), llc["llc_mean"].to_numpy()
        ledger.line(ax, "LLC", name, step, mean, color=color, linewidth=0.7)
        ledger.estimates(ax, "LLC", f"{name}, estimates", llc, color)
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_ylabel(LLC_LABEL)


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
    ax.set_xlabel(r"$\hat\lambda$, all positions")
    ax.set_ylabel(r"$\hat\lambda$, random prefix")


def _series_handles(*names: str) -> list[Line2D]:
    return [
        Line2D([], [], color=color, linewidth=0.9, marker="o", label=name)
        for color, name in zip((FIRST, SECOND), names, strict=True)
    ]
