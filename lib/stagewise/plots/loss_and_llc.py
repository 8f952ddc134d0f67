"""Test loss and LLC over training with the stages behind them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger, over_runs, the_run

BESIDE = style.SERIES[0]
"""Colour of a run that is drawn to compare with."""


@dataclass(frozen=True)
class Beside:
    """A run to compare with, drawn thinly and without error bars.

    Parameters
    ----------
    metrics : Dataset
        With attribute ``run``.
    llcs : mapping of str to Dataset
        Judged estimates by setting, as many settings as the shown run has.
    """

    metrics: xr.Dataset
    llcs: Mapping[str, xr.Dataset]


@style.context()
def draw(
    *,
    metrics: Mapping[str, xr.Dataset],
    llcs: Mapping[str, Mapping[str, xr.Dataset]],
    stages: Mapping[str, pd.DataFrame],
    run: str,
    loss_name: str = "Test loss",
    loss_unit: str = "squared error per label",
    marks: Mapping[str, float] | None = None,
    beside: Beside | None = None,
    remark: str = "",
    first: float = 0.0,
    title: str = "",
) -> Drawn:
    """Draw the loss above the LLC, one column a sampler setting.

    Parameters
    ----------
    metrics : mapping of str to Dataset
        Metrics by run, with attribute ``run``.
    llcs : mapping of str to mapping of str to Dataset
        Judged estimates by run and setting.
    stages : mapping of str to DataFrame
        Stages of the shown run, by setting.
    run : str
        The shown run.
    loss_name, loss_unit : str
    marks : mapping of str to float, optional
        Steps to mark by a dashed line, with what happens there.
    beside : Beside, optional
    remark : str
        What to say of the loss, in the upper right of its panels.
    first : float
        Step at which the axis of time begins, if it is not `plots.style`'s. The axis of the LLC is
        fitted to the estimates that neither escaped nor diverged; others are drawn at its edge.
    title : str
        Instead of one that speaks of seeds.

    Returns
    -------
    Drawn
        Table of every line: series are run names, "mean over seeds", "best constant predictor" and
        the marks.

    Raises
    ------
    ValueError
        If runs were measured at different steps or the shown run is missing.
    """
    title = title or _title(run, len(metrics) - 1)
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.7, title)
    axes = figure.subplots(2, len(stages), sharex=True, squeeze=False)
    for ax in axes[
        0, 1:
    ]:  # losses are the same; LLCs of different settings have scales of their own
        ax.sharey(axes[0, 0])
    ledger = Ledger()
    losses = over_runs([*metrics.values()], "test_loss")
    for column, setting in enumerate(stages):
        top, bottom = axes[:, column]
        own = [by_setting[setting] for by_setting in llcs.values()]
        shown = the_run(own, run)
        last = max(losses.index.max(), shown["step"].max())
        style.log_step_axis(top, last, label=False)
        style.log_step_axis(bottom, last)
        name = f"setting {setting!r}"
        _over_seeds(ledger, top, f"loss, {name}", losses, run)
        constant = float(shown["constant_loss"])
        _constant(ledger, top, f"loss, {name}", last, constant)
        estimates = over_runs(own, "llc_mean")
        _over_seeds(ledger, bottom, f"LLC, {name}", estimates, run)
        ledger.estimates(bottom, f"LLC, {name}", f"{run} estimates", shown)
        if beside:
            _beside(ledger, top, f"loss, {name}", beside.metrics, "test_loss")
            _beside(ledger, bottom, f"LLC, {name}", beside.llcs[setting], "llc_mean")
        if first:
            top.set_xlim(left=first)
            _fit(top, [losses, pd.Series([constant], [last]), *_losses(beside)])
        _fit(bottom, [*map(_sound, own), *_estimates(beside, setting)])
        beyond = _at_edge(bottom, shown)
        for ax in (top, bottom):
            style.shade_stages(ax, stages[setting], names=ax is top)
        for what, step in (marks or {}).items():
            ledger.add(f"loss, {name}", what, [step], [0.0])
            for ax in (top, bottom):
                ax.axvline(step, color=style.SECOND, linestyle=(0, (3, 2)), linewidth=0.9)
        # In the title, because an entry this long would leave the legend no room beside its neighbour.
        pale = "".join(f"; {one.get_label()}" for one in style.soundness_handles(stages[setting]))
        top.set_title(f"Stages by the {name}{pale}", pad=10)
        if remark:
            style.note(top, remark, x=0.42)
        counted = verdict_marks.counts(verdict_marks.verdicts_of(shown))
        flags = [line for line in (counted, beyond, verdict_marks.short_chains(shown)) if line]
        if flags:
            style.note(bottom, "\n".join(flags))
        handles = style.stage_handles(stages[setting])
        bottom.legend(
            handles=style.in_rows(handles, min(3, len(handles))),
            loc="upper center",
            bbox_to_anchor=(0.5, -0.28),
            ncols=min(3, len(handles)),
        )
    axes[0, 0].set_ylabel(f"{loss_name}\n({loss_unit})")
    axes[1, 0].set_ylabel("Local learning coefficient\n" r"$\hat\lambda$ (dimensionless)")
    known = _known(ledger.verdicts, marks or {}, constant)
    style.bottom_legend(figure, _handles(len(metrics), beside), known)
    return Drawn(figure, ledger.table())


def _title(run: str, others: int) -> str:
    company = f"with {others} other seed{'s' * (others > 1)}" if others else "the only seed"
    return f"Shown run {run} (stages, dots), {company}"


def _constant(ledger: Ledger, ax: Axes, panel: str, last: float, loss: float) -> None:
    """Draw the loss of the best constant predictor, where it is known."""
    if np.isfinite(loss):
        ax.axhline(loss, color=style.MUTED, linestyle=":", linewidth=0.8)
        ledger.add(panel, "best constant predictor", [last], [loss])


def _known(verdicts: Collection[str], marks: Mapping[str, float], constant: float) -> list[Artist]:
    """Return the legend of verdicts, of the constant predictor where it is known, and of the marks."""
    handles = [*verdict_marks.handles(verdicts)]
    if np.isfinite(constant):
        dotted: dict[str, Any] = {"color": style.MUTED, "linestyle": ":"}
        handles.append(Line2D([], [], label="loss of the best constant predictor", **dotted))
    dashed: dict[str, Any] = {"color": style.SECOND, "linestyle": (0, (3, 2))}
    return [*handles, *(Line2D([], [], label=what, **dashed) for what in marks)]


def _series(values: xr.Dataset, name: str) -> pd.Series:
    return pd.Series(values[name].to_numpy(), index=values["step"].to_numpy())


def _sound(judged: xr.Dataset) -> pd.DataFrame:
    """Return both ends of the error bars of the estimates that neither escaped nor diverged."""
    kept = ~np.isin(verdict_marks.verdicts_of(judged), ("escaped", "diverged"))
    middle, error = (_series(judged, name)[kept] for name in ("llc_mean", "llc_stderr"))
    return pd.DataFrame({"low": middle - error, "high": middle + error})


def _losses(beside: Beside | None) -> list[pd.Series]:
    return [_series(beside.metrics, "test_loss")] if beside else []


def _estimates(beside: Beside | None, setting: str) -> list[pd.DataFrame]:
    return [_sound(beside.llcs[setting])] if beside else []


def _fit(ax: Axes, values: Sequence[pd.DataFrame | pd.Series]) -> None:
    """Fit the other axis to values as far as the axis of time shows them."""
    first = ax.get_xlim()[0]
    known = np.concatenate([part[part.index >= first].to_numpy().ravel() for part in values])
    known = known[np.isfinite(known)]
    if known.size:
        room = 0.06 * np.ptp(known) or 1.0
        ax.set_ylim(known.min() - room, known.max() + room)


def _at_edge(ax: Axes, judged: xr.Dataset) -> str:
    """Draw estimates beyond the axis at its edge, and say how many there are; "" for none."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    step, llc = judged["step"].to_numpy(), judged["llc_mean"].to_numpy()
    beyond = (step >= left) & (step <= right) & ((llc < low) | (llc > high))
    if not beyond.any():
        return ""
    inset = 0.025 * (high - low)
    edge = np.clip(llc[beyond], low + inset, high - inset)
    verdict_marks.mark(ax, step[beyond], edge, verdict_marks.verdicts_of(judged)[beyond])
    return f"{beyond.sum()} beyond the axis, at its edge"


def _over_seeds(ledger: Ledger, ax: Axes, panel: str, values: pd.DataFrame, shown: str) -> None:
    """Draw every run thinly and their mean with a band of one standard deviation."""
    steps = values.index.to_numpy()
    for run in values:
        color, width = (style.MAIN, 0.9) if run == shown else (style.MUTED, 0.5)
        ledger.line(
            ax,
            panel,
            str(run),
            steps,
            values[run].to_numpy(),
            color=color,
            linewidth=width,
            zorder=3,
        )
    mean = values.mean(axis=1).to_numpy()
    if values.shape[1] > 1:
        spread = values.std(axis=1, ddof=1).to_numpy()
        ledger.line(
            ax,
            panel,
            "mean over seeds",
            steps,
            mean,
            mean - spread,
            mean + spread,
            color=style.ACCENT,
            linewidth=1.2,
            zorder=2.5,
        )


def _beside(ledger: Ledger, ax: Axes, panel: str, values: xr.Dataset, variable: str) -> None:
    """Draw the run to compare with; it takes part in the limits but not in the stages."""
    steps, run = values["step"].to_numpy(), str(values.attrs["run"])
    ledger.line(
        ax, panel, run, steps, values[variable].to_numpy(), color=BESIDE, linewidth=0.9, zorder=2.8
    )


def _handles(num_runs: int, beside: Beside | None) -> list[Artist]:
    shown = "shown seed" if num_runs > 1 or beside else "the run"
    lines: list[Artist] = [Line2D([], [], color=style.MAIN, linewidth=0.9, label=shown)]
    if beside:
        name = f"{beside.metrics.attrs['run']}, to compare"
        lines.append(Line2D([], [], color=BESIDE, linewidth=0.9, label=name))
    if num_runs > 1:
        lines += [
            Line2D([], [], color=style.MUTED, linewidth=0.5, label="other seeds"),
            Line2D([], [], color=style.ACCENT, label="mean over seeds"),
            Patch(color=style.ACCENT, alpha=0.25, linewidth=0, label="±1 sd over seeds"),
        ]
    return lines
