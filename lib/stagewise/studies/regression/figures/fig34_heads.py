"""What each head attends to over training, and what it is called at the end (Fig. 34 to 38)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import xarray as xr
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import half_head_grid
from stagewise.studies.regression.structure_layout import NAMES
from stagewise.studies.regression.structure_readings import head_labels

_LOOKS: Mapping[str, tuple[str, Any]] = {
    "self": (style.MAIN, "-"),
    "previous_token": (style.SERIES[1], "-"),
    "previous_x": (style.SERIES[0], "--"),
    "previous_y": (style.SERIES[2], "--"),
    "x": (style.SERIES[0], "-"),
    "y": (style.SERIES[2], "-"),
}
_SAME = {"x": "previous_y", "y": "previous_x"}
"""The score that is the previous token's, by kind of query."""


@style.context()
def draw(*, structure: xr.Dataset, stages: pd.DataFrame) -> Drawn:
    """Draw the scores of every head from either kind of query.

    Parameters
    ----------
    structure : Dataset
        Of the shown run; layout `structure_layout.STRUCTURE`.
    stages : DataFrame
        Stages of the shown run.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error over contexts.
    """
    ledger = Ledger()
    figure, panels = half_head_grid(
        structure, stages, f"Run {structure.attrs['run']}: where attention goes"
    )
    labels = head_labels(structure.isel(step=[-1]))[0]
    threshold = float(structure.attrs["threshold"])
    steps = structure["step"].to_numpy()
    for ax, panel, layer, head, kind in panels:
        own = structure.isel(layer=layer, head=head).sel(query_kind=kind)
        for name, (color, dashes) in _LOOKS.items():
            if name == _SAME[kind]:
                continue
            value, error = (
                own[f"head_score{end}"].sel(score=name).to_numpy() for end in ("", "_stderr")
            )
            ledger.line(
                ax,
                panel,
                name,
                steps,
                value,
                value - error,
                value + error,
                color=color,
                linestyle=dashes,
                linewidth=0.9,
            )
        ax.axhline(threshold, color=style.MUTED, linestyle=":", linewidth=0.7)
        ax.set_ylim(-0.03, 1.03)
        label = labels[layer, head, int(kind == "y")]
        if label != "none":
            share = float(own["label_share"].isel(step=-1).sel(label=label))
            name = f"{panel}\n{NAMES[label]} ({100 * share:.0f} % of contexts)"
            ax.set_title(name, pad=3, fontsize=6.5)
            ledger.add(f"{panel}, label", label, [steps[-1]], [share])
    figure.supylabel("Attention to the tokens named", fontsize=7)
    lines = [
        Line2D([], [], color=color, linestyle=dashes, label=NAMES[name])
        for name, (color, dashes) in _LOOKS.items()
    ]
    least = Line2D(
        [], [], color=style.MUTED, linestyle=":", label=f"least for a name, {threshold:g}"
    )
    style.bottom_legend(figure, [*lines, least], style.stage_handles(stages), columns=7)
    return Drawn(figure, ledger.table())
