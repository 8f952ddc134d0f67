"""Entropy or variability of attention by head and query over training (Fig. 32, 33)."""

from __future__ import annotations

import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import fan, half_head_grid, shades
from stagewise.studies.regression.structure_readings import half_heads

_TITLES = {
    "attention_entropy": "entropy of attention over that of equal attention",
    "attention_variability": "how much attention depends on the content (total variation)",
}
_COLORS = {"x": style.SEQUENCE, "y": style.RAINBOW}


@style.context()
def draw(*, structure: xr.Dataset, stages: pd.DataFrame, measure: str) -> Drawn:
    """Draw one line a query, and the mean over those of pairs 2 to K.

    Parameters
    ----------
    structure : Dataset
        Of the shown run; layout `structure_layout.STRUCTURE`.
    stages : DataFrame
        Stages of the shown run.
    measure : {"attention_entropy", "attention_variability"}

    Returns
    -------
    Drawn
        Table of every line.
    """
    ledger = Ledger()
    figure, panels = half_head_grid(
        structure, stages, f"Run {structure.attrs['run']}: {_TITLES[measure]}"
    )
    means = half_heads(structure, measure)
    pairs = structure.sizes["query"] // 2
    top = 1.03 * (1 if measure == "attention_entropy" else float(structure[measure].max()))
    for ax, panel, layer, head, kind in panels:
        own = structure[measure].isel(layer=layer, head=head)
        # The last token gets no training signal.
        names = [f"{kind}{k}" for k in range(1, pairs + 1 - (kind == "y"))]
        colors = shades(pairs, _COLORS[kind])[: len(names)]
        fan(
            ledger,
            ax,
            panel,
            own.sel(query=names),
            colors,
            [""] * len(names),
            linewidth=0.6,
            alpha=0.8,
        )
        mean = means.isel(layer=layer, head=head).sel(query_kind=kind)
        steps = mean["step"].to_numpy()
        ledger.line(ax, panel, "mean", steps, mean, color=style.MAIN, linewidth=1.2, zorder=3)
        ax.set_ylim(-0.03, top)
    figure.supylabel(
        "Normalised entropy" if measure == "attention_entropy" else "Variability", fontsize=7
    )
    ends = [
        Line2D([], [], color=shades(pairs, colors)[n], label=f"${kind}_{n + 1}$")
        for kind, colors in _COLORS.items()
        for n in sorted({0, pairs // 2, pairs - 1 - (kind == "y")})
    ]
    mean_handle = Line2D([], [], color=style.MAIN, linewidth=1.2, label="mean over pairs 2 to K")
    style.bottom_legend(figure, [*ends, mean_handle], style.stage_handles(stages), columns=7)
    return Drawn(figure, ledger.table())
