"""Learning rates with equal learning rate times steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.figures import marks

_FLOWS = {"adam": "Adam", "sgd": "SGD"}


_SIZES = ("large", "middle", "small")


@style.context()
def draw(*, runs: pd.DataFrame, curves: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw outcomes, accuracies and times of three learning rates, one row an optimiser.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    curves : mapping of str to Dataset
        By setting; layout `modular.layout.CURVES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.0)
    grid, ledger = figure.subplots(2, 3), Ledger()
    for axes, letters, (optimiser, title) in zip(grid, ("abc", "def"), _FLOWS.items(), strict=True):
        tables = {size: runs[runs["setting"] == f"{optimiser}{size}"] for size in _SIZES}
        rates = [float(table["learning_rate"].iloc[0]) for table in tables.values()]
        for place, (size, color) in enumerate(zip(_SIZES, style.SERIES, strict=False)):
            own, name = tables[size], f"learning rate {rates[place]:g}"
            marks.draw_share(ledger, axes[0], f"{letters[0]}, {title}", name, place, own, color)
            data = curves[f"{optimiser}{size}"]
            _flow_line(ledger, axes[1], f"{letters[1]}, {title}", data, rates[place], color)
            times = Times.to_generalise(marks.kept(own), rates[place])
            panel = f"{letters[2]}, {title}"
            marks.draw_times(ledger, axes[2], panel, name, place, times, color, 0.12)
        count = marks.number_of_runs([len(table) for table in tables.values()])
        horizon = rates[0] * int(tables["large"]["num_steps"].iloc[0])
        axes[0].set_title(f"({letters[0]}) {title}, {count} each")
        axes[1].set_title(f"({letters[1]}) median over seeds, 16 to 84 %")
        axes[2].set_title(f"({letters[2]}) time to generalise")
        marks.share_axis(axes[0])
        for ax in (axes[0], axes[2]):
            style.category_axis(ax, [f"{rate:g}" for rate in rates], "Learning rate")
        axes[1].set_xlabel("Learning rate × step")
        axes[1].set_ylabel("Test accuracy")
        axes[1].set_xlim(0, horizon)
        axes[1].set_ylim(-0.03, 1.05)
        axes[2].set_ylabel(r"$t_{\mathrm{gen}}\ \times$ learning rate")
        axes[2].set_ylim(0, 1.08 * horizon)
        marks.note_diverged(axes[0], pd.concat(tables.values()))
    names = ("largest learning rate", "middle", "smallest")
    handles = style.color_handles(names)
    style.bottom_legend(figure, [*handles, marks.share_handle()], marks.time_handles(), columns=4)
    return Drawn(figure, ledger.table())


def _flow_line(
    ledger: Ledger, ax: Axes, panel: str, data: xr.Dataset, rate: float, color: str
) -> None:
    """Draw the median test accuracy with the central 68 % of runs against learning rate x step."""
    alive = data["test_accuracy"].to_numpy()[data["diverged_step"].to_numpy() < 0]
    if not len(alive):
        return
    low, middle, high = np.quantile(alive, [0.16, 0.5, 0.84], axis=0)
    flow = rate * data["step"].to_numpy()
    ledger.line(ax, panel, f"learning rate {rate:g}", flow, middle, low, high, 0.2, color=color)
