"""How the prediction is read off the residual stream (Fig. 30)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import (
    company,
    fan,
    mean_and_spread,
    others,
)

NAMED = 4
"""Channels with the largest effective weights at the end, drawn in colours of their own."""

LEAST = 0.05
"""Share of the largest effective weight that a channel has to be one of them."""


@style.context()
def draw(*, structures: Mapping[str, xr.Dataset], stages: pd.DataFrame, run: str) -> Drawn:
    """Draw weights and biases of the last layer norm, of the linear map and of both together.

    Parameters
    ----------
    structures : mapping of str to Dataset
        Layout `structure_layout.STRUCTURE`, by run.
    stages : DataFrame
        Stages of the shown run.
    run : str
        The shown run.

    Returns
    -------
    Drawn
        Table of every line; bounds of the mean are one standard deviation over channels.
    """
    beside, shown = others(structures, run), structures[run]
    figure = style.new_figure(
        style.FULL_WIDTH,
        2 * style.PANEL_HEIGHT + 0.9,
        company(structures, run, stages),
    )
    axes = figure.subplots(2, 3, sharex=True)
    for ax in axes.flat:
        style.log_step_axis(ax, float(shown["step"].max()), label=ax in axes[1])
    ledger = Ledger()
    norm = shown.isel(layer_norm=-1)
    ends = np.abs(shown["effective_weight"].isel(step=-1).to_numpy())
    chosen = np.argsort(ends)[::-1][:NAMED]
    chosen = chosen[ends[chosen] >= LEAST * ends.max()]
    colors: list[str] = [style.MUTED] * ends.size
    for color, channel in zip(style.SERIES, chosen, strict=False):
        colors[channel] = color
    channels = [
        (axes[0, 0], "a", norm["norm_weight"], r"(a) last layer norm, weights $\gamma$"),
        (axes[0, 1], "b", shown["unembedding_weight"], "(b) linear weights $W_U$"),
        (axes[0, 2], "c", shown["effective_weight"], r"(c) effective weights $\gamma W_U$"),
        (axes[1, 0], "d", norm["norm_bias"], r"(d) last layer norm, biases $\beta$"),
    ]
    for ax, letter, values, title in channels:
        _channels(ledger, ax, letter, values, colors)
        ax.set_title(title)
    for ax, letter, name, title in (
        (axes[1, 1], "e", "unembedding_bias", "(e) linear bias $b_U$"),
        (axes[1, 2], "f", "effective_bias", r"(f) effective bias $\beta W_U + b_U$"),
    ):
        for other, structure in beside.items():
            _bias(ledger, ax, letter, other, structure[name], color=style.MUTED, linewidth=0.5)
        _bias(ledger, ax, letter, run, shown[name], color=style.MAIN, linewidth=1.1)
        ax.set_title(title)
    for ax in axes.flat:
        ax.axhline(0, color=style.MAIN, linewidth=0.5, zorder=1)
        style.shade_stages(ax, stages)
    axes[0, 0].set_ylabel("Weight of a channel")
    axes[1, 0].set_ylabel("Bias")
    style.bottom_legend(figure, _handles(chosen), style.stage_handles(stages))
    return Drawn(figure, ledger.table())


def _channels(
    ledger: Ledger, ax: Axes, panel: str, values: xr.DataArray, colors: list[str]
) -> None:
    names = [""] * len(colors)
    order = [n for n, color in enumerate(colors) if color == style.MUTED]
    fan(
        ledger,
        ax,
        panel,
        values.isel(channel=order),
        [style.MUTED] * len(order),
        names[: len(order)],
        linewidth=0.4,
        alpha=0.6,
    )
    named = [n for n, color in enumerate(colors) if color != style.MUTED]
    fan(
        ledger,
        ax,
        panel,
        values.isel(channel=named),
        [colors[n] for n in named],
        names[: len(named)],
        "largest",
        linewidth=0.9,
        zorder=2.5,
    )
    mean_and_spread(ledger, ax, panel, values)


def _bias(
    ledger: Ledger, ax: Axes, panel: str, run: str, values: xr.DataArray, **look: Any
) -> None:
    ledger.line(ax, panel, run, values["step"].to_numpy(), values.to_numpy(), **look)


def _handles(chosen: np.ndarray) -> list[Line2D]:
    handles = [
        Line2D([], [], color=color, label=f"channel {channel + 1}")
        for color, channel in zip(style.SERIES, chosen, strict=False)
    ]
    handles.append(Line2D([], [], color=style.MUTED, linewidth=0.5, label="other channels"))
    return [*handles, Line2D([], [], color=style.ACCENT, label="mean ± 1 s.d.")]
