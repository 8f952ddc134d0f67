"""What figures share that compare LLCs of one run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Ledger

FIRST, SECOND = style.SERIES[0], style.SERIES[1]
"""Colours of the two estimates that are compared."""

LLC_LABEL = "Local learning coefficient\n" r"$\hat\lambda$ (dimensionless)"


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


def agreement_of(table: pd.DataFrame, one: xr.Dataset, other: xr.Dataset) -> pd.Series:
    """Return how two curves compare, from a table of layout `llc.layout.AGREEMENT`.

    Raises
    ------
    ValueError
        If the table does not compare them.
    """
    names = {
        "run": run_of(one, other),
        "first": one.attrs["setting"],
        "second": other.attrs["setting"],
    }
    rows = table[(table[list(names)] == pd.Series(names)).all(axis=1)]
    if len(rows) != 1:
        raise ValueError(f"the table of agreements has {len(rows)} rows of {names}")
    return rows.iloc[0]


def draw_curves(ledger: Ledger, ax: Axes, curves: dict[str, xr.Dataset]) -> None:
    """Draw two curves with their estimates over log time."""
    style.log_step_axis(ax, float(max(curve["step"].max() for curve in curves.values())))
    for color, (name, llc) in zip((FIRST, SECOND), curves.items(), strict=True):
        step, mean = llc["step"].to_numpy(), llc["llc_mean"].to_numpy()
        ledger.line(ax, "LLC", name, step, mean, color=color, linewidth=0.7)
        ledger.estimates(ax, "LLC", f"{name}, estimates", llc, color)
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_ylabel(LLC_LABEL)
    inside = [stayed(llc) for llc in curves.values()]
    means = [llc["llc_mean"].to_numpy() for llc in curves.values()]
    errors = [llc["llc_stderr"].to_numpy() for llc in curves.values()]
    if leave_out(ax, np.hstack(means), np.hstack(errors), np.hstack(inside)):
        inset = inset_of_all(ax, INSET_ABOVE)
        inset.set_xscale("log", nonpositive="mask")
        for color, llc in zip((FIRST, SECOND), curves.values(), strict=True):
            at = np.maximum(llc["step"].to_numpy(), 1)  # step 0, where most escape, as step 1
            inset.plot(at, llc["llc_mean"].to_numpy(), color=color, linewidth=0.6)


INSET_ABOVE = (0.12, 0.6, 0.3, 0.34)
"""Place of an inset where curves begin low, in shares of the panel."""


def stayed(llc: xr.Dataset) -> np.ndarray:
    """Return at which steps chains did not escape below the loss of the checkpoint."""
    return np.asarray(verdict_marks.verdicts_of(llc) != "escaped")


def leave_out(
    ax: Axes,
    values: np.ndarray,
    errors: np.ndarray,
    inside: np.ndarray,
    axis: str = "y",
    always: bool = False,
) -> bool:
    """Fit an axis to some values alone, and say whether others lie beyond it.

    Parameters
    ----------
    ax : Axes
    values, errors : ndarray, shape (point,)
        NaN where there is none.
    inside : ndarray of bool, shape (point,)
        What the axis is fitted to, besides 0.
    axis : {"y", "x"}
    always : bool
        Fit the axis even if nothing lies beyond, for the sake of the other axis.
    """
    known, error = np.isfinite(values), np.nan_to_num(errors)
    chosen = inside & known
    if chosen.sum() < 2:
        return False
    low = min(0.0, float((values - error)[chosen].min()))
    high = max(0.0, float((values + error)[chosen].max()))
    margin = 0.06 * (high - low)
    beyond = (values < low - margin) | (values > high + margin)
    found = bool((beyond & known).any())
    if found or always:
        (ax.set_ylim if axis == "y" else ax.set_xlim)(low - margin, high + margin)
    return found


def inset_of_all(ax: Axes, place: tuple[float, float, float, float]) -> Axes:
    """Return a small panel for what `leave_out` has left out, within a panel."""
    inset = ax.inset_axes(place, zorder=5)
    inset.tick_params(labelsize=5, length=1.5, pad=1)
    inset.tick_params(axis="x", which="both", labelbottom=False, bottom=False)
    inset.set_title("with escaped", fontsize=5.5, pad=2)
    inset.spines[["top", "right"]].set_visible(True)
    return inset


def series_handles(*names: str) -> list[Line2D]:
    """Return legend entries for the curves of `draw_curves`."""
    return [
        Line2D([], [], color=color, linewidth=0.9, marker="o", label=name)
        for color, name in zip((FIRST, SECOND), names, strict=True)
    ]
