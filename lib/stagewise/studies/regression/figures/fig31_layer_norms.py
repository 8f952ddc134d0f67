"""Weights and biases of every layer norm over training, and how many weights vanish (Fig. 31)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import (
    BANDS,
    company,
    others,
    quantiles,
)
from stagewise.studies.regression.structure_readings import share_below

BELOW = 0.1
"""A weight counts as collapsed below this share of its initial value."""


@style.context()
def draw(*, structures: Mapping[str, xr.Dataset], stages: pd.DataFrame, run: str) -> Drawn:
    """Draw a column a layer norm: weights, biases and the share of collapsed weights.

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
        Table of every line; medians and quantiles over channels.
    """
    beside, shown = others(structures, run), structures[run]
    norms = [str(name) for name in shown["layer_norm"].to_numpy()]
    figure = style.new_figure(
        style.FULL_WIDTH,
        4.2,
        company(structures, run, stages),
    )
    axes = figure.subplots(
        3, len(norms), sharex=True, sharey="row", height_ratios=[1, 1, 0.8], squeeze=False
    )
    ledger = Ledger()
    for column, name in enumerate(norms):
        one = {"layer_norm": column}
        for ax in axes[:, column]:
            style.log_step_axis(ax, float(shown["step"].max()), label=False)
        for ax, part in zip(axes[:, column], ("weight", "bias"), strict=False):
            values = shown[f"norm_{part}"].isel(one)
            panel = f"{part}, {name}"
            quantiles(ledger, ax, panel, values)
            ax.axhline(0, color=style.MAIN, linewidth=0.5, zorder=1)
        bottom = axes[2, column]
        for other, structure in {**beside, run: shown}.items():
            share = share_below(structure["norm_weight"].isel(one), BELOW)
            color, width = (style.MAIN, 1.1) if other == run else (style.MUTED, 0.5)
            steps = share["step"].to_numpy()
            ledger.line(bottom, f"share, {name}", other, steps, share, color=color, linewidth=width)
        bottom.set_ylim(-0.03, 1.03)
        axes[0, column].set_title(_title(name))
        for ax in axes[:, column]:
            style.shade_stages(ax, stages)
        bottom.tick_params(axis="x", which="major", labelbottom=True)
        bottom.set_xlabel("Training step t")
    for ax, label in zip(
        axes[:, 0],
        (r"Weights $\gamma$", r"Biases $\beta$", f"Share of $|\\gamma|$\nbelow {BELOW:g}"),
        strict=True,
    ):
        ax.set_ylabel(label)
    bands = [
        Patch(color=style.paler(style.SERIES[0], strength), label=f"{name} of the channels")
        for name, strength in BANDS.items()
    ]
    median = Line2D([], [], color=style.MAIN, label="median")
    style.bottom_legend(figure, [*bands, median], style.stage_handles(stages))
    return Drawn(figure, ledger.table())


def _title(name: str) -> str:
    """Return what a layer norm stands before, as in "block 1, attention"."""
    names = {"attention": "attention", "mlp": "MLP"}
    parts = name.removesuffix("_norm").split(".")
    return parts[0] if len(parts) == 1 else f"block {int(parts[1]) + 1}, {names[parts[2]]}"
