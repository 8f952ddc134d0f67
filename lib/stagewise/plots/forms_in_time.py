"""Component scores and form potentials against training time."""

from __future__ import annotations

import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.plots.planes import check_pair

_FORM_COLORS = ("#1a1a1a", "#b2182b", "#00695c", "#6a3d9a", "#8c6d1f", "#1f78b4")


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw scores above form potentials, against linear and against logarithmic time.

    Parameters
    ----------
    ed : Dataset
        Principal components of the run: the raw scores.
    forms : Dataset
        Its forms and smoothed scores.
    stages : DataFrame
        Stages of the run; they say which sampler setting they come from.

    Returns
    -------
    Drawn
        Table of scores (raw and smoothed) and potentials against the step, and of form times with
        their influence ranges as bounds.

    Raises
    ------
    ValueError
        If the stores belong to two runs or their steps differ.
    """
    check_pair(ed, forms)
    setting = stages["setting"].iloc[0]
    # Without a form the lower panels have nothing to show but the stages.
    share = 1.0 if forms.sizes["form"] else 0.25
    figure = style.new_figure(
        style.FULL_WIDTH,
        (1.2 + share) * style.PANEL_HEIGHT + 1.0,
        f"Run {forms.attrs['run']}: components and form potentials; stages by {setting!r}",
    )
    axes = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(1.2, share))
    ledger = Ledger()
    last = float(forms["step"].max())
    axes[0, 0].set_xlim(0, last * 1.01)
    axes[1, 0].set_xlabel("Training step t (linear scale)")
    axes[0, 0].tick_params(labelbottom=False)
    style.log_step_axis(axes[0, 1], last, label=False)
    style.log_step_axis(axes[1, 1], last)
    for column, record in ((0, ledger), (1, Ledger())):
        _scores(record, axes[0, column], ed, forms)
        _potentials(record, axes[1, column], forms)
        for ax in axes[:, column]:
            style.shade_stages(ax, stages)
        _times(record, axes[0, column], axes[1, column], forms)
    axes[0, 0].set_ylabel("Principal component score\n(units of the output)")
    if forms.sizes["form"]:
        axes[1, 0].set_ylabel("Form potential\n" r"$\|f_t - o_F\|^2$ (squared output)")
    else:
        axes[1, 0].set_ylabel("Form\npotential")
        style.note(axes[1, 0], "no form found: no potential to show", y=0.8)
    components = axes[0, 0].get_legend_handles_labels()[0]
    style.bottom_legend(
        figure,
        [*style.stage_handles(stages), *style.soundness_handles(stages)],
        [*components, *_handles(forms)],
    )
    return Drawn(figure, ledger.table())


def _scores(ledger: Ledger, ax: Axes, ed: xr.Dataset, forms: xr.Dataset) -> None:
    steps = forms["step"].to_numpy()
    shares = ed["explained_variance_ratio"]
    for color, pc in zip(style.SERIES, forms["pc"].to_numpy(), strict=False):
        raw, smoothed = ed["scores"].sel(pc=pc), forms["smoothed"].sel(pc=pc)
        ledger.line(
            ax, "scores", f"PC {pc} raw", steps, raw, color=color, linewidth=0.4, alpha=0.45
        )
        label = f"PC {pc} ({100 * shares.sel(pc=pc).item():.0f} % var.)"
        ledger.line(
            ax,
            "scores",
            f"PC {pc} smoothed",
            steps,
            smoothed,
            color=color,
            linewidth=1.4,
            label=label,
        )
    ax.axhline(0, color=style.MUTED, linewidth=0.5, zorder=1)


def _potentials(ledger: Ledger, ax: Axes, forms: xr.Dataset) -> None:
    steps = forms["step"].to_numpy()
    for row, number in enumerate(forms["form"].to_numpy()):
        color = _FORM_COLORS[row % len(_FORM_COLORS)]
        potential = forms["potential"].sel(form=number).to_numpy()
        ledger.line(ax, "potential", f"form {number}", steps, potential, color=color, linewidth=0.9)
    if forms.sizes["form"]:
        ax.set_yscale("log")
    else:
        ax.set_yticks([])


def _times(ledger: Ledger, top: Axes, bottom: Axes, forms: xr.Dataset) -> None:
    """Mark each form's time by a line with its number, and its influence range by a bar."""
    for row, number in enumerate(forms["form"].to_numpy()):
        color = _FORM_COLORS[row % len(_FORM_COLORS)]
        form = forms.sel(form=number)
        time, start, end = (
            form[name].item() for name in ("form_step", "influence_start", "influence_end")
        )
        ledger.add("times", f"form {number}", [time], [0.0], [start], [end])
        for ax in (top, bottom):
            ax.axvline(time, color=color, linewidth=0.8, linestyle=(0, (4, 2)), zorder=2)
        left, right = top.get_xlim()
        if left <= time <= right:
            top.text(
                time,
                1.01,
                str(number),
                transform=top.get_xaxis_transform(),
                color=color,
                ha="center",
                va="bottom",
                fontweight="bold",
            )
        height = 0.03 + 0.045 * (row % 4)
        bottom.plot(
            [max(start, left), end],
            [height, height],
            transform=bottom.get_xaxis_transform(),
            color=color,
            linewidth=2.2,
            solid_capstyle="butt",
            zorder=5,
        )


def _handles(forms: xr.Dataset) -> list[Artist]:
    handles: list[Artist] = [Line2D([], [], color=style.MUTED, linewidth=0.4, label="raw scores")]
    if forms.sizes["form"]:
        handles += [
            Line2D([], [], color=style.MAIN, linewidth=0.8, linestyle=(0, (4, 2)), label="form"),
            Line2D([], [], color=style.MAIN, linewidth=2.2, label="its influence range"),
        ]
    return handles
