"""Loss at context positions, as trained and with the positional embedding zeroed."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.language.figures.panels import (
    DEPTHS,
    Runs,
    Stages,
    band,
    finish,
    over_positions,
    stage_rows,
)


@style.context()
def draw(*, runs: Runs, stages: Stages) -> Drawn:
    """Draw the loss at context positions, as trained and with the positional embedding zeroed.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant.
    stages : mapping of str to DataFrame

    Returns
    -------
    Drawn
        Bounds of differences are one standard error over rows, paired.
    """
    rows = {
        "position_loss": "Loss as trained\n(nats)",
        "ablated_loss": "Loss, positions\nzeroed (nats)",
        "ablation_effect": "Difference\n(nats)",
    }
    figure = style.new_figure(style.FULL_WIDTH, 3 * style.PANEL_HEIGHT + 0.9)
    axes = figure.subplots(3, len(runs), sharey="row", squeeze=False)
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        axes[0, column].set_title(f"{DEPTHS[variant]}\n")
        for ax, (name, label) in zip(axes[:, column], rows.items(), strict=True):
            _at_positions(ledger, ax, f"{name}, {variant}", metrics, name)
            if column == 0:
                ax.set_ylabel(label)
    finish(axes, runs, stages)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles=handles, loc="outside right upper", title="Context\nposition")
    style.bottom_legend(figure, *stage_rows(runs, stages))
    return Drawn(figure, ledger.table())


def _at_positions(ledger: Ledger, ax: Axes, panel: str, metrics: xr.Dataset, name: str) -> None:
    positions = metrics["position"].to_numpy()
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.92, positions.size))
    for color, k in zip(colors, positions, strict=True):
        own = metrics.sel(position=k)
        band(ledger, ax, panel, f"position {k}", own, name, color=color, label=str(k))
    mean = over_positions(metrics, name)
    band(ledger, ax, panel, "mean", mean, name, color=style.ACCENT, linewidth=1.5, label="mean")
