"""Singular values of the embeddings, and the angles between their column spaces (Fig. 29)."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import (
    FAINT,
    company,
    fan,
    others,
    shades,
)
from stagewise.studies.regression.structure_readings import principal_cosines, variance_shares


@style.context()
def draw(*, structures: Mapping[str, xr.Dataset], stages: pd.DataFrame, run: str) -> Drawn:
    """Draw shares of variance of both embeddings, and cosines of principal angles.

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
        Table of every line.
    """
    beside = others(structures, run)
    figure = style.new_figure(
        style.FULL_WIDTH,
        2 * style.PANEL_HEIGHT + 0.9,
        company(structures, run, stages),
    )
    axes = figure.subplots(2, 2, sharex=True)
    shown = structures[run]
    last = float(shown["step"].max())
    for ax in axes.flat:
        style.log_step_axis(ax, last, label=ax in axes[1])
    ledger = Ledger()
    for ax, letter, name in zip(axes[0], "ab", ("token", "position"), strict=True):
        count = shown.sizes["component" if name == "token" else "position_component"]
        for other, structure in beside.items():
            _lines(ledger, ax, letter, variance_shares(structure, name), other)
        _lines(ledger, ax, letter, variance_shares(shown, name))
        ax.axhline(1 / count, color=style.MUTED, linestyle=":", linewidth=0.9)
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_title("(a) token embedding")
    axes[0, 1].set_title("(b) positional embedding")
    axes[0, 0].set_ylabel("Share of variance\n" r"$\sigma_i^2\,/\,\sum_j \sigma_j^2$")
    width, tokens = shown.sizes["channel"], shown.sizes["component"]
    spaces = {"all": shown.sizes["position_component"], "leading": tokens}
    for ax, letter, (space, dimension) in zip(axes[1], "cd", spaces.items(), strict=True):
        for other, structure in beside.items():
            _lines(ledger, ax, letter, principal_cosines(structure, space), other)
        _lines(ledger, ax, letter, principal_cosines(shown, space))
        ax.axhline(sqrt(dimension / width), color=style.MUTED, linestyle=":", linewidth=0.9)
        ax.set_ylim(0, 1.03)
    axes[1, 0].set_title(f"(c) tokens against all {spaces['all']} directions of positions")
    axes[1, 1].set_title(f"(d) against the {tokens} largest of positions")
    axes[1, 0].set_ylabel("Cosine of principal\nangle")
    for ax in axes.flat:
        style.shade_stages(ax, stages)
    lines = [
        Line2D([], [], color=shades(tokens)[n], label=label)
        for n, label in ((0, "largest"), (tokens - 1, "smallest"))
    ]
    chance = Line2D([], [], color=style.MUTED, linestyle=":", label="equal shares; random spaces")
    style.bottom_legend(
        figure,
        [*lines, chance],
        [*style.stage_handles(stages), *style.soundness_handles(stages)],
    )
    return Drawn(figure, ledger.table())


def _lines(ledger: Ledger, ax: Axes, panel: str, values: xr.DataArray, other: str = "") -> None:
    count = values.shape[-1]
    look = {"alpha": FAINT, "linewidth": 0.5} if other else {"linewidth": 1.0, "zorder": 3}
    fan(ledger, ax, panel, values, shades(count), [""] * count, other, **look)
