"""LLC and loss by position of the context along training (Fig. 24, top)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.panels import LLC_LABEL, leave_out, run_of, stayed
from stagewise.studies.regression.figures.structure_panels import shades


@style.context()
def draw(*, by_position: xr.Dataset, metrics: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the LLC of the loss at each position over training, and that loss.

    Parameters
    ----------
    by_position : Dataset
        Layout `regression.position_layout.LLC_BY_POSITION`.
    metrics : Dataset
        Of the same run; layout `regression.layout.METRICS`.
    stages : DataFrame
        Of the same run.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error over chains (a) or contexts (b).

    Raises
    ------
    ValueError
        If the stores belong to different runs.
    """
    run, setting = run_of(by_position, metrics), stages["setting"].iloc[0]
    title = f"Run {run}; LLC by 'local', stages by {setting!r}"
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.2, title)
    top, bottom = figure.subplots(2, 1, height_ratios=[1.3, 1])
    last, ledger = float(metrics["step"].max()), Ledger()
    style.log_step_axis(top, last, label=False)
    style.log_step_axis(bottom, last)
    positions = by_position["position"].to_numpy().tolist()
    colors = dict(zip(positions, shades(len(positions)), strict=True))
    _llcs(ledger, top, by_position, colors)
    _losses(ledger, bottom, metrics, colors)
    for ax in (top, bottom):
        style.shade_stages(ax, stages, names=ax is top)
    lines = [
        *(Line2D([], [], color=color, label=f"k = {k}") for k, color in colors.items()),
        Line2D([], [], color=style.ACCENT, linewidth=1.4, label="mean over k"),
    ]
    marks = [*style.soundness_handles(stages), *verdict_marks.handles(ledger.verdicts)]
    style.bottom_legend(figure, lines, marks, columns=9)
    return Drawn(figure, ledger.table())


def _llcs(ledger: Ledger, ax: Axes, by_position: xr.Dataset, colors: dict[int, str]) -> None:
    steps = by_position["step"].to_numpy()
    llc, error = by_position["llc"].to_numpy(), by_position["llc_stderr"].to_numpy()
    for n, (k, color) in enumerate(colors.items()):
        low, high = llc[:, n] - error[:, n], llc[:, n] + error[:, n]
        ledger.line(
            ax, "LLC", f"k = {k}", steps, llc[:, n], low, high,
            opacity=0.15, color=color, linewidth=0.9,
        )  # fmt: skip
    mean, mean_error = (by_position[f"llc_mean{end}"].to_numpy() for end in ("", "_stderr"))
    verdicts = verdict_marks.verdicts_of(by_position)
    ledger.line(ax, "LLC", "mean", steps, mean, color=style.ACCENT, linewidth=1.4)
    ledger.marks(ax, "LLC", "estimates", steps, mean, mean_error, verdicts, style.ACCENT)
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.set_ylabel(LLC_LABEL)
    ax.set_title("(a) LLC of the loss at position k", pad=10)
    inside = np.repeat(stayed(by_position), len(colors))
    if leave_out(ax, llc.ravel(), error.ravel(), inside):
        style.note(ax, "estimates beyond\nthe axis escaped")


def _losses(ledger: Ledger, ax: Axes, metrics: xr.Dataset, colors: dict[int, str]) -> None:
    steps = metrics["step"].to_numpy()
    for k, color in colors.items():
        one = metrics.sel(position=k)
        value, error = (one[f"token_loss{end}"].to_numpy() for end in ("", "_stderr"))
        low = np.maximum(value - error, 1e-12)
        ledger.line(
            ax, "loss", f"k = {k}", steps, value, low, value + error,
            color=color, linewidth=0.9,
        )  # fmt: skip
    mean = metrics["test_loss"].to_numpy()
    ledger.line(ax, "loss", "mean", steps, mean, color=style.ACCENT, linewidth=1.4)
    ax.set(ylabel=r"Test loss $\ell_k$", yscale="log")
    ax.set_title("(b) loss at position k")
