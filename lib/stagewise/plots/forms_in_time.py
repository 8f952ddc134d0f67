"""Component scores, form potentials and the vertices of the planes against training time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.plots.planes import check_pair, looked_for

_KINDS = {"vertex": "|", "cusp": "x"}
_FORM_COLORS = ("#1a1a1a", "#b2182b", "#00695c", "#6a3d9a", "#8c6d1f", "#1f78b4")


@style.context()
def draw(*, ed: xr.Dataset, forms: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw scores, form potentials and the planes' vertices, against linear and logarithmic time.

    Without a form there is no potential, and the vertices show why.

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
        Table of scores (raw and smoothed) and potentials against the step, of form times with their
        influence ranges as bounds, and of the vertices and cusps of each plane.

    Raises
    ------
    ValueError
        If the stores belong to two runs or their steps differ.
    """
    check_pair(ed, forms)
    setting = stages["setting"].iloc[0]
    heights = [1.2, 1.0, 0.4] if forms.sizes["form"] else [1.2, 0.4]
    figure = style.new_figure(
        style.FULL_WIDTH,
        sum(heights) * style.PANEL_HEIGHT + 1.1,
        f"Run {forms.attrs['run']}: components and forms; stages by {setting!r}; {looked_for(forms)}",
    )
    axes = figure.subplots(len(heights), 2, sharex="col", sharey="row", height_ratios=heights)
    ledger = Ledger()
    last = float(forms["step"].max())
    axes[0, 0].set_xlim(0, last * 1.01)
    axes[-1, 0].set_xlabel("Training step t (linear scale)")
    for ax in axes[:-1, 0]:
        ax.tick_params(labelbottom=False)
    for row, ax in enumerate(axes[:, 1], start=1):
        style.log_step_axis(ax, last, label=row == len(heights))
    for column, record in ((0, ledger), (1, Ledger())):
        _scores(record, axes[0, column], ed, forms)
        if forms.sizes["form"]:
            _potentials(record, axes[1, column], forms)
        _events(record, axes[-1, column], forms)
        for ax in axes[:, column]:
            style.shade_stages(ax, stages)
        if forms.sizes["form"]:
            _times(record, axes[0, column], axes[1, column], forms)
    axes[0, 0].set_ylabel("Principal component score\n(units of the output)")
    axes[-1, 0].set_ylabel("Turns in\nplane of PCs")
    if forms.sizes["form"]:
        axes[1, 0].set_ylabel("Form potential\n" r"$\|f_t - o_F\|^2$ (squared output)")
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
    ax.set_yscale("log")


def _events(ledger: Ledger, ax: Axes, forms: xr.Dataset) -> None:
    """Mark the vertices and cusps of each plane, one row a plane; a form has one in every row."""
    pairs = list(forms["pair"].to_numpy())
    for row, pair in enumerate(pairs):
        for kind, marker in _KINDS.items():
            here = (forms["event_pair"] == pair) & (forms["event_kind"] == kind)
            steps = forms["event_step"].to_numpy()[here.to_numpy()]
            rows = np.full(steps.size, row)
            ledger.add("turns", f"{kind} in PC {pair}", steps, rows)
            ax.plot(steps, rows, marker, color=style.MAIN, markersize=4, linestyle="")
    ax.set_yticks(range(len(pairs)), pairs)
    ax.set_ylim(len(pairs) - 0.4, -0.6)


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
    handles += [
        Line2D([], [], marker=marker, linestyle="", color=style.MAIN, markersize=4, label=kind)
        for kind, marker in _KINDS.items()
    ]
    if forms.sizes["form"]:
        handles += [
            Line2D([], [], color=style.MAIN, linewidth=0.8, linestyle=(0, (4, 2)), label="form"),
            Line2D([], [], color=style.MAIN, linewidth=2.2, label="its influence range"),
        ]
    return handles
