"""What figures of the network's inside share: fans of lines over time, and a grid of half-heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from stagewise.plots import style
from stagewise.plots.drawn import Ledger

FAINT = 0.3
"""Opacity of the lines of other seeds."""

BANDS = {"all": 0.25, "90 %": 0.5, "middle half": 0.8}
"""Bands over channels, and how strongly they are drawn."""


class HalfHead(NamedTuple):
    """A panel of a head seen from one kind of query; layer and head are counted from 0."""

    ax: Axes
    title: str
    layer: int
    head: int
    kind: str


def shades(count: int, colors: str = style.SEQUENCE) -> list[str]:
    """Return colours of an ordered series."""
    return [to_hex(color) for color in mpl.colormaps[colors](np.linspace(0, 0.9, count))]


def others(structures: Mapping[str, xr.Dataset], run: str) -> dict[str, xr.Dataset]:
    """Return the structure of the runs that are not the shown one.

    Raises
    ------
    ValueError
        If the shown run is missing.
    """
    if run not in structures:
        raise ValueError(f"{run} is not among the runs {list(structures)}")
    return {name: structure for name, structure in structures.items() if name != run}


def company(structures: Mapping[str, xr.Dataset], run: str, stages: pd.DataFrame) -> str:
    """Say which run is shown, how many others are drawn thinly, and whose stages lie behind them."""
    count = len(structures) - 1
    beside = f", others faint ({count})" if count else ""
    return f"Run {run}{beside}; stages by {stages['setting'].iloc[0]!r}"


def fan(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    values: xr.DataArray,
    colors: Sequence[Any],
    names: Sequence[str],
    run: str = "",
    **look: Any,
) -> None:
    """Draw one line over time for each entry of the last dimension.

    Parameters
    ----------
    ledger : Ledger
    ax : Axes
    panel : str
    values : DataArray, dims (step, entry)
    colors, names : sequence, one each an entry
        A name of "" is left out of legends; every line is recorded under its number.
    run : str
        Recorded with the series.
    **look
        Of the lines.
    """
    steps = values["step"].to_numpy()
    dimension = values.dims[-1]
    for n, (color, name) in enumerate(zip(colors, names, strict=True)):
        series = " ".join(filter(None, [run, f"{dimension} {n + 1}"]))
        label = name or None
        line = values.isel({dimension: n}).to_numpy()
        ledger.line(ax, panel, series, steps, line, color=color, label=label, **look)


def mean_and_spread(ledger: Ledger, ax: Axes, panel: str, values: xr.DataArray) -> None:
    """Draw the mean over channels with a band of one standard deviation."""
    mean, spread = values.mean("channel").to_numpy(), values.std("channel").to_numpy()
    ledger.line(
        ax,
        panel,
        "mean",
        values["step"].to_numpy(),
        mean,
        mean - spread,
        mean + spread,
        opacity=0.18,
        color=style.ACCENT,
        linewidth=1.3,
        zorder=3,
    )


def quantiles(ledger: Ledger, ax: Axes, panel: str, values: xr.DataArray) -> None:
    """Draw the median over channels with bands of the middle half, of 90 % and of all of them."""
    steps = values["step"].to_numpy()
    found = values.quantile([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1], "channel").to_numpy()
    for n, (name, strength) in enumerate(BANDS.items()):
        low, high = found[n], found[-1 - n]
        ledger.add(panel, name, steps, found[3], low, high)
        color = style.paler(style.SERIES[0], strength)
        ax.fill_between(steps, low, high, color=color, linewidth=0, zorder=1 + 0.1 * n)
    ledger.line(ax, panel, "median", steps, found[3], color=style.MAIN, linewidth=1.1, zorder=3)


def half_head_grid(
    structure: xr.Dataset, stages: pd.DataFrame, title: str
) -> tuple[Figure, Iterator[HalfHead]]:
    """Return a figure with a panel for each head and kind of query, and the panels.

    Rows are layers and kinds, columns heads; a panel is shaded by stage when the next is asked for.
    """
    layers, heads = structure.sizes["layer"], structure.sizes["head"]
    kinds = [str(kind) for kind in structure["query_kind"].to_numpy()]
    rows = layers * len(kinds)
    figure = style.new_figure(style.FULL_WIDTH, 1.05 * rows + 1.1, title)
    axes = figure.subplots(rows, heads, sharex=True, sharey=True, squeeze=False)
    last = float(structure["step"].max())

    def panels() -> Iterator[HalfHead]:
        for row in range(rows):
            layer, kind = divmod(row, len(kinds))
            for head in range(heads):
                ax = axes[row, head]
                style.log_step_axis(ax, last, label=False)
                if row == rows - 1:
                    ax.tick_params(axis="x", which="major", labelbottom=True)
                    ax.set_xlabel("Training step t")
                title = f"block {layer + 1}, head {head + 1}, {kinds[kind]} queries"
                ax.set_title(title, pad=3, fontsize=6.5)
                yield HalfHead(ax, title, layer, head, kinds[kind])
                style.shade_stages(ax, stages)

    return figure, panels()
