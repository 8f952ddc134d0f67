"""What the LLC says under several sampler settings, and where its chains go."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style, verdict_marks
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.panels import LLC_LABEL, run_of

CHAINS, TRAINED = style.SERIES[1], style.MAIN


@style.context()
def draw(*, llcs: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw the LLC, the losses behind it, and the one against the other: a column a setting.

    Parameters
    ----------
    llcs : mapping of str to Dataset
        Judged estimates of one run, by setting.

    Returns
    -------
    Drawn
        Table of everything drawn.

    Raises
    ------
    ValueError
        If the settings belong to different runs.
    """
    run = run_of(*llcs.values())
    figure = style.new_figure(
        style.FULL_WIDTH, 3 * style.PANEL_HEIGHT + 0.9, f"Run {run}: the LLC and its chains"
    )
    axes = figure.subplots(3, len(llcs), squeeze=False)
    for row in axes[1:]:  # above them, the shape of each curve needs a scale of its own
        for ax in row[1:]:
            ax.sharey(row[0])
    ledger = Ledger()
    for column, (setting, judged) in enumerate(llcs.items()):
        top, middle, bottom = axes[:, column]
        last = float(judged["step"].max())
        style.log_step_axis(top, last, label=False)
        style.log_step_axis(middle, last)
        sampled = judged.attrs
        top.set_title(
            f"{setting}: "
            rf"$\epsilon$ = {float(sampled['step_size']):g}, "
            rf"$n\beta$ = {float(sampled['n_beta']):g}, "
            rf"$\gamma$ = {float(sampled['localization']):g}"
        )
        ledger.estimates(top, f"LLC, {setting}", "estimates", judged)
        _losses(ledger, middle, f"loss, {setting}", judged)
        _against_loss(ledger, bottom, f"LLC and loss, {setting}", judged)
    labels = LLC_LABEL, "Loss\n(squared error per label)", LLC_LABEL
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label)
    style.bottom_legend(figure, verdict_marks.handles(ledger.verdicts), _handles(), columns=4)
    return Drawn(figure, ledger.table())


def _losses(ledger: Ledger, ax: Axes, panel: str, judged: xr.Dataset) -> None:
    """Draw the checkpoint's loss, that of its chains, and the two that chains may not reach."""
    step = judged["step"].to_numpy()
    mean = judged["mean_loss"].to_numpy()
    error = judged["llc_stderr"].to_numpy() / float(judged.attrs["n_beta"])
    ledger.line(ax, panel, "L(w*)", step, judged["init_loss"].to_numpy(), color=TRAINED)
    ledger.line(ax, panel, "E[L]", step, mean, color=CHAINS, marker="o", linewidth=0.6, zorder=3)
    ledger.add(panel, "E[L], standard error", step, mean, mean - error, mean + error)
    ax.errorbar(step, mean, error, fmt="none", ecolor=CHAINS, elinewidth=0.7, zorder=3)
    for name, variable, look in (
        ("untrained network", "untrained_loss", ":"),
        ("best constant predictor", "constant_loss", "--"),
    ):
        level = float(judged[variable])
        ledger.add(panel, name, [step[-1]], [level])
        ax.axhline(level, color=style.MUTED, linestyle=look, linewidth=0.9)


def _against_loss(ledger: Ledger, ax: Axes, panel: str, judged: xr.Dataset) -> None:
    """Draw the LLC against the loss, with the line on which chains have forgotten everything."""
    loss, llc = judged["init_loss"].to_numpy(), judged["llc_mean"].to_numpy()
    error = judged["llc_stderr"].to_numpy()
    ledger.marks(ax, panel, "estimates", loss, llc, error, verdict_marks.verdicts_of(judged))
    ends = np.array([loss.min(), loss.max()])
    forgotten = float(judged.attrs["n_beta"]) * (float(judged["untrained_loss"]) - ends)
    ledger.line(
        ax, panel, "chains at the untrained loss", ends, forgotten, color=style.MUTED, linestyle=":"
    )
    ax.set_xlabel("Loss of the checkpoint L(w*)")


def _handles() -> list[Artist]:
    return [
        Line2D([], [], color=TRAINED, label="loss of the checkpoint, L(w*)"),
        Line2D([], [], color=CHAINS, marker="o", label="mean loss of its chains, E[L]"),
        Line2D([], [], color=style.MUTED, linestyle="--", label="best constant predictor"),
        Line2D([], [], color=style.MUTED, linestyle=":", label="untrained network"),
    ]
