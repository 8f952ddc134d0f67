"""Loss, LLC and weight norm with their slopes in log time."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.core.derivatives import slope_of
from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger

LEAST_DISTANCE = 0.1
"""Least distance in log(1 + t) between checkpoints behind a slope by differences: on closer ones, where
the linear and the logarithmic grid nearly coincide, a difference shows noise."""


@style.context()
def draw(
    *,
    metrics: xr.Dataset,
    llc: xr.Dataset,
    curve: xr.Dataset,
    milestones: pd.DataFrame,
    stages: pd.DataFrame,
    tolerance: float,
    loss_name: str = "Test loss",
    loss_unit: str = "squared error per label",
    first_share: float = style.FIRST_SHARE,
) -> Drawn:
    """Draw values above slopes: test loss, LLC, weight norm.

    Parameters
    ----------
    metrics : Dataset
        Metrics of the run.
    llc : Dataset
        Judged estimates of one setting, with attributes ``run`` and ``setting``.
    curve : Dataset
        Fitted LLC curve with its posterior.
    milestones, stages : DataFrame
        Of the same run and setting.
    tolerance : float
        Near plateau: |slope| below this share of the largest.
    loss_name, loss_unit : str
    first_share : float
        Share of training at which the axis of time begins.

    Returns
    -------
    Drawn
        Table of every line; bounds of the curve are 95 % of the posterior, those of the estimates one
        standard error.

    Raises
    ------
    ValueError
        If the stores belong to different runs or settings.
    """
    run, setting = llc.attrs["run"], llc.attrs["setting"]
    runs = {metrics.attrs["run"], curve.attrs["run"], run, *stages["run"], *milestones["run"]}
    used = {curve.attrs["setting"], setting, *stages["setting"], *milestones["setting"]}
    if len(runs) > 1 or len(used) > 1:
        raise ValueError(f"runs {sorted(runs)} and settings {sorted(used)} in one figure")
    figure = style.new_figure(
        style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.9, f"Run {run}, sampler setting {setting!r}"
    )
    axes = figure.subplots(2, 3, sharex=True)
    last = float(metrics["step"].max())
    for ax in axes[0]:
        style.log_step_axis(ax, last, label=False)
    for ax in axes[1]:
        style.log_step_axis(ax, last)
        ax.axhline(0, color=style.MAIN, linewidth=0.6)
    axes[0, 0].set_xlim(left=max(1.0, first_share * last))
    ledger = Ledger()
    names = (loss_name, f"({loss_unit})"), ("Weight norm", "(Euclidean, all weights)")
    for column, variable, (name, unit) in zip(
        (0, 2), ("test_loss", "weight_norm"), names, strict=True
    ):
        _measured(ledger, axes[:, column], metrics, variable)
        axes[0, column].set_ylabel(f"{name}\n{unit}")
        axes[1, column].set_ylabel(f"Slope of the {name.lower()}\nper unit of log t")
    _fitted(ledger, axes[:, 1], llc, curve, tolerance)
    axes[0, 1].set_ylabel("Local learning coefficient\n" r"$\hat\lambda$ (dimensionless)")
    axes[1, 1].set_ylabel("Slope of the LLC\nper unit of log(1 + t)")
    for ax in axes.flat:
        style.shade_stages(ax, stages)
    _milestones(ledger, axes[:, 1], milestones)
    if milestones.empty:
        style.note(axes[1, 1], "no milestones found")
    style.bottom_legend(
        figure,
        [*style.stage_handles(stages), *style.soundness_handles(stages)],
        _handles(ledger.verdicts),
    )
    return Drawn(figure, ledger.table())


def _measured(ledger: Ledger, axes: np.ndarray, metrics: xr.Dataset, name: str) -> None:
    """Draw a measured value, and its slope by differences over well-spaced checkpoints."""
    steps, values = metrics["step"].to_numpy(), metrics[name].to_numpy()
    ledger.line(axes[0], name, "value", steps, values, color=style.MAIN)
    kept = [0]
    for index, u in enumerate(np.log1p(steps)):
        if u - np.log1p(steps[kept[-1]]) >= LEAST_DISTANCE:
            kept.append(index)
    if len(kept) < 3:
        style.note(axes[1], "too few checkpoints for a slope")
        return
    slope = slope_of(steps[kept], values[kept])
    ledger.line(axes[1], name, "slope", steps[kept], slope["d_dlogt"].to_numpy(), color=style.MAIN)


def _fitted(
    ledger: Ledger, axes: np.ndarray, llc: xr.Dataset, curve: xr.Dataset, tolerance: float
) -> None:
    """Draw the LLC and its slope: estimates, fit with 95 % of the posterior, near-plateau band."""
    value, slope = axes
    steps = curve["step"].to_numpy()
    shown = steps >= value.get_xlim()[0]
    for ax, name, spread in ((value, "mean", "sd"), (slope, "slope", "slope_sd")):
        middle, margin = curve[name].to_numpy(), 1.96 * curve[spread].to_numpy()
        ledger.line(
            ax,
            "llc",
            f"fitted {name}",
            steps,
            middle,
            middle - margin,
            middle + margin,
            color=style.ACCENT,
            zorder=3,
        )
        # The fit sets the limits: differences of neighbouring estimates run far beyond it.
        seen = [(middle - margin)[shown], (middle + margin)[shown]]
        if ax is value:
            later = llc["step"].to_numpy() >= value.get_xlim()[0]
            later &= verdict_marks.verdicts_of(llc) != "escaped"  # the fit may leave them out
            seen.append(llc["llc_mean"].to_numpy()[later])
        low, high = np.nanmin(np.concatenate(seen)), np.nanmax(np.concatenate(seen))
        room = 0.06 * (high - low) or 1.0
        ax.set_ylim(low - room, high + room)
    ledger.estimates(value, "llc", "estimates", llc)
    limit = tolerance * float(np.abs(curve["slope"]).max())
    slope.axhspan(-limit, limit, color=style.SECOND, alpha=0.25, linewidth=0, zorder=1)
    known = np.isfinite(llc["llc_mean"].to_numpy()) & (verdict_marks.verdicts_of(llc) != "escaped")
    raw_steps, raw = llc["step"].to_numpy()[known], llc["llc_mean"].to_numpy()[known]
    if raw.size < 3:
        return
    raw_slope = slope_of(raw_steps, raw)["d_dlogt"].to_numpy()
    ledger.line(
        slope,
        "llc",
        "raw slope",
        raw_steps,
        raw_slope,
        color=style.MUTED,
        linewidth=0.6,
        zorder=2,
    )


def _milestones(ledger: Ledger, axes: np.ndarray, milestones: pd.DataFrame) -> None:
    """Mark milestones by a line on the curve and a bar of 95 % on the zero line of the slope."""
    value, slope = axes
    for number, (_, row) in enumerate(milestones.iterrows(), start=1):
        ledger.add(
            "milestones",
            f"{number}, {row['kind']}",
            [row["step"]],
            [row["llc"]],
            [row["interval_low"]],
            [row["interval_high"]],
        )
        for ax in (value, slope):
            ax.axvline(
                row["step"], color=style.MAIN, linewidth=0.6, linestyle=(0, (2, 2)), zorder=2
            )
        slope.plot(
            [row["interval_low"], row["interval_high"]],
            [0, 0],
            color=style.MAIN,
            linewidth=2.4,
            solid_capstyle="butt",
            zorder=4,
        )


def _handles(verdicts: Collection[str]) -> list[Artist]:
    return [
        *verdict_marks.handles(verdicts),
        Line2D([], [], color=style.ACCENT, label="fit, 95 % band"),
        Line2D([], [], color=style.MUTED, linewidth=0.6, label="raw differences"),
        Line2D([], [], color=style.MAIN, linewidth=2.4, label="milestone, 95 %"),
        Patch(color=style.SECOND, alpha=0.25, linewidth=0, label="near plateau"),
    ]
