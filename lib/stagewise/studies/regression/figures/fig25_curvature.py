"""Trace and largest eigenvalues of the Hessian along training, against the LLC."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger, over_runs, the_run
from stagewise.studies.regression.figures.panels import LLC_LABEL, leave_out, stayed

TRACE = style.ACCENT


@style.context()
def draw(
    *,
    hessians: Mapping[str, xr.Dataset],
    llcs: Mapping[str, xr.Dataset],
    milestones: Mapping[str, pd.DataFrame],
    stages: pd.DataFrame,
    run: str,
) -> Drawn:
    """Draw the LLC and the Hessian's statistics over training, and one against the other.

    Parameters
    ----------
    hessians : mapping of str to Dataset
        Trace and eigenvalues by run; layout `llc.scale_layout.HESSIAN`.
    llcs : mapping of str to Dataset
        Judged estimates of the shown run, by setting.
    milestones : mapping of str to DataFrame
        Of the LLC curves of the shown run, by setting.
    stages : DataFrame
        Of the shown run under one setting, drawn behind the curves.
    run : str
        The shown run.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error.

    Raises
    ------
    ValueError
        If the shown run has no Hessian, or estimates belong to another run.
    """
    hessian = the_run([*hessians.values()], run)
    if wrong := {str(llc.attrs["run"]) for llc in llcs.values()} - {run}:
        raise ValueError(f"estimates of {sorted(wrong)} in the figure of {run}")
    title = f"Run {run}: curvature of the loss beside the LLC"
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.1, title)
    axes = figure.subplots(2, 2, width_ratios=[1.6, 1])
    ledger, last = Ledger(), float(hessian["step"].max())
    colors = dict(zip(llcs, style.SERIES, strict=False))
    over_time, curvature = axes[:, 0]
    style.log_step_axis(over_time, last, label=False)
    style.log_step_axis(curvature, last)
    for name, llc in llcs.items():
        _llc_over_time(ledger, over_time, name, llc, colors[name])
    kept = np.hstack([stayed(llc) for llc in llcs.values()])
    means, errors = (
        np.hstack([llc[part].to_numpy() for llc in llcs.values()])
        for part in ("llc_mean", "llc_stderr")
    )
    if leave_out(over_time, means, errors, kept):
        style.note(over_time, "estimates beyond\nthe axis escaped")
    _curvature_over_time(ledger, curvature, hessian, hessians, run)
    for ax in (over_time, curvature):
        style.shade_stages(ax, stages, names=ax is over_time)
        for name, found in milestones.items():
            for at in found["step"]:
                ax.axvline(at, color=colors[name], linewidth=0.8, linestyle=(0, (2, 2)), zorder=2)
    for ax, statistic, label in (
        (axes[0, 1], hessian["trace"], "Trace of the Hessian"),
        (axes[1, 1], hessian["eigenvalue"].isel(rank=0), "Largest eigenvalue"),
    ):
        for name, llc in llcs.items():
            _path(ledger, ax, f"{label}, {name}", statistic, llc, colors[name])
        ax.set_xlabel(label)
        ax.set_ylabel(LLC_LABEL)
    over_time.set_title("(a) LLC over training", pad=10)
    curvature.set_title("(b) curvature over training")
    axes[0, 1].set_title("(c) LLC against the trace", pad=10)
    axes[1, 1].set_title("(d) LLC against the largest eigenvalue")
    style.bottom_legend(
        figure, _handles(hessian, colors), verdict_marks.handles(ledger.verdicts), columns=5
    )
    return Drawn(figure, ledger.table())


def _llc_over_time(ledger: Ledger, ax: Axes, name: str, llc: xr.Dataset, color: str) -> None:
    ledger.line(
        ax, "LLC", name, llc["step"].to_numpy(), llc["llc_mean"].to_numpy(),
        color=color, linewidth=0.7,
    )  # fmt: skip
    ledger.estimates(ax, "LLC", f"{name}, estimates", llc, color)
    ax.set_ylabel(LLC_LABEL)


def _curvature_over_time(
    ledger: Ledger, ax: Axes, hessian: xr.Dataset, hessians: Mapping[str, xr.Dataset], run: str
) -> None:
    """Draw trace and eigenvalues of the shown run, and the traces of the other seeds thinly."""
    for other, values in over_runs([*hessians.values()], "trace").items():
        if other != run:
            ledger.line(
                ax, "curvature", f"trace, {other}", values.index, values,
                color=style.MUTED, linewidth=0.5,
            )  # fmt: skip
    step, trace = hessian["step"].to_numpy(), hessian["trace"].to_numpy()
    error = hessian["trace_stderr"].to_numpy()
    ledger.line(
        ax, "curvature", "trace", step, trace, trace - error, trace + error, color=TRACE, zorder=3
    )
    for rank, color in zip(hessian["rank"].to_numpy(), _shades(hessian), strict=True):
        values = hessian["eigenvalue"].sel(rank=rank).to_numpy()
        ledger.line(ax, "curvature", f"eigenvalue {rank}", step, values, color=color, zorder=3)
    ax.set_yscale("log", nonpositive="mask")
    ax.set_ylabel("Trace, eigenvalues\n(loss per squared weight)")
    if not (trace > 0).all():
        style.note(ax, f"trace not above 0 at {int((trace <= 0).sum())} checkpoints", y=0.12)


def _path(
    ledger: Ledger, ax: Axes, panel: str, statistic: xr.DataArray, llc: xr.Dataset, color: str
) -> None:
    """Draw the path of training in the plane of a statistic and the LLC, without escaped estimates."""
    kept = llc.isel(step=stayed(llc) & np.isfinite(llc["llc_mean"].to_numpy())).sortby("step")
    at = statistic.sel(step=kept["step"]).to_numpy()
    values, error = kept["llc_mean"].to_numpy(), kept["llc_stderr"].to_numpy()
    ledger.line(ax, panel, "path", at, values, color=color, linewidth=0.6, alpha=0.7)
    ax.set_xscale("log", nonpositive="mask")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ledger.marks(ax, panel, "estimates", at, values, error, verdict_marks.verdicts_of(kept), color)
    if values.size:
        ax.annotate(
            "end", (at[-1], values[-1]), textcoords="offset points", xytext=(4, 3),
            fontsize=6, color=color,
        )  # fmt: skip


def _shades(hessian: xr.Dataset) -> np.ndarray:
    """Return one colour an eigenvalue."""
    return mpl.colormaps[style.SEQUENCE](np.linspace(0.05, 0.75, hessian.sizes["rank"]))


def _handles(hessian: xr.Dataset, colors: Mapping[str, str]) -> list[Artist]:
    settings: list[Artist] = [
        Line2D([], [], color=color, marker="o", label=f"LLC, setting {name!r}")
        for name, color in colors.items()
    ]
    ranks = [
        Line2D([], [], color=color, label=f"eigenvalue {rank}")
        for rank, color in zip(hessian["rank"].to_numpy(), _shades(hessian), strict=True)
    ]
    return [
        *settings,
        Line2D([], [], color=TRACE, label="trace"),
        Line2D([], [], color=style.MUTED, linewidth=0.5, label="trace, other seeds"),
        *ranks,
    ]
