"""A scalar and a vector converge exponentially, at the predicted rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import Curves, seed_handles, seed_lines


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], measures: pd.DataFrame) -> Drawn:
    """Draw losses over steps, and the rates fitted to them against the exact one.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.7)
    axes, ledger = figure.subplots(1, 3), Ledger()
    for ax, letter, name in zip(axes, "ab", ("scalar", "vector"), strict=False):
        data = curves[name]
        for case, rate in enumerate(data["learning_rate"].to_numpy()):
            lines = Curves(data, rf"$\eta$ = {rate:g}", case)
            share = lines.over_seeds("loss") / lines.over_seeds("loss")[:, :1]
            seed_lines(ledger, ax, letter, lines, np.clip(share, 1e-300, None), style.SERIES[case])
        ax.set_yscale("log")
        ax.set_ylim(1e-12, 2)
        ax.set_xlim(0, float(data["step"].max()))
        ax.set_xlabel("Step")
        ax.set_ylabel("Loss (share of first loss)")
        ax.set_title(f"({letter}) {name}, {len(lines.kept)} seeds")
    axes[0].legend(loc="upper right")
    _rates(ledger, axes[2], measures)
    style.bottom_legend(figure, seed_handles(null=False), columns=4)
    return Drawn(figure, ledger.table())


def _rates(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    for shift, color, name in zip((0.97, 1.03), style.SERIES, ("scalar", "vector"), strict=False):
        rows = measures[(measures["setting"] == name) & ~measures["diverged"]]
        rates = np.array(sorted(rows["learning_rate"].unique()))
        grouped = rows.groupby("learning_rate")["rate"]
        low, middle, high = (grouped.quantile(q).to_numpy() for q in (0.025, 0.5, 0.975))
        ledger.add("c", name, rates, middle, low, high)
        error = np.clip([middle - low, high - middle], 0, None)
        ax.errorbar(shift * rates, middle, error, fmt="o", color=color, label=name)
    grid = np.linspace(0.02, 0.25, 50)
    exact = -2 * np.log1p(-grid)
    ledger.line(
        ax, "c", "predicted", grid, exact, color=style.MAIN, label=r"$-2\,\log(1-\eta)$", zorder=1
    )
    ax.set_xlabel(r"Learning rate $\eta$ (dimensionless)")
    ax.set_ylabel("Rate of log loss (per step)")
    ax.set_title("(c) fitted rate, central 95 %")
    ax.legend(loc="upper left")
