"""Rank 1 over seeds; descent against its flow; the two parts of the learned vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.scurves.figures.rows import (
    Curves,
    draw_cases_row,
    seed_handles,
    seed_lines,
    step_axis,
)


@style.context()
def draw(
    *,
    curves: Mapping[str, xr.Dataset],
    flow: Mapping[str, xr.Dataset],
    measures: pd.DataFrame,
    shown_seed: int,
) -> Drawn:
    """Draw rank 1 over seeds, descent against its flow, and the two parts of the vectors.

    Parameters
    ----------
    curves, flow : mapping of str to Dataset
        By setting; layouts `scurves.layout.CURVES` and `scurves.layout.FLOW`.
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    shown_seed : int
        The seed of single-run panels.
    """
    data = curves["rank1"]
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 0.8)
    top, bottom = figure.subplots(2, 3)
    ledger, lines = Ledger(), Curves(data, "rank 1")
    draw_cases_row(ledger, top, "abc", [lines], last=lines.converged())
    top[0].axhline(
        float(np.median(data["null_loss"])), color=style.MUTED, linestyle=":", linewidth=0.8
    )
    _flow_overlay(ledger, bottom[0], data, flow["rank1"], shown_seed)
    _flow_deviation(ledger, bottom[1], measures)
    _parts(ledger, bottom[2], lines)
    style.bottom_legend(figure, seed_handles(), columns=4)
    return Drawn(figure, ledger.table())


def _flow_overlay(ledger: Ledger, ax: Axes, data: xr.Dataset, flow: xr.Dataset, seed: int) -> None:
    rates = data["learning_rate"].to_numpy()
    for case, rate in enumerate(rates):
        times = rate * data["step"].to_numpy()
        loss = data["loss"].isel(case=case).sel(seed=seed).to_numpy()
        look: dict[str, Any] = {
            "color": style.SERIES[case],
            "linewidth": 1.0,
            "label": rf"descent, $\eta$ = {rate:g}",
        }
        ledger.line(ax, "d", f"descent, learning rate {rate:g}", times, loss, **look)
    at = flow["loss"].isel(case=0).sel(seed=seed).to_numpy()
    times = rates[0] * flow["step"].to_numpy()
    ledger.line(
        ax, "d", "flow", times, at, color=style.MAIN, linestyle="--", linewidth=1.2, label="flow"
    )
    ax.set_xlim(0, 10)
    ax.set_ylim(0, None)
    ax.set_xlabel(r"Flow time $\eta t$ (dimensionless)")
    ax.set_ylabel("Loss")
    ax.set_title(f"(d) descent and flow, seed {seed}")
    ax.legend(loc="upper right")


def _flow_deviation(ledger: Ledger, ax: Axes, measures: pd.DataFrame) -> None:
    rows = measures[measures["setting"].isin(["rank1", "rank2"])].dropna(subset="flow_deviation")
    for color, (_, part) in zip(style.SERIES, rows.groupby("setting"), strict=False):
        grouped = part.groupby("learning_rate")["flow_deviation"]
        rates = np.array(sorted(grouped.groups))
        low, middle, high = (grouped.quantile(q).to_numpy() for q in (0.16, 0.5, 0.84))
        label = f"rank {int(part['rank'].iloc[0])}"
        ledger.add("e", label, rates, middle, low, high)
        ax.errorbar(rates, middle, [middle - low, high - middle], fmt="o", color=color, label=label)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.03, 0.3)
    ax.set_xticks([0.05, 0.1, 0.2], ["0.05", "0.1", "0.2"])
    ax.set_xticks([], minor=True)
    ax.set_xlabel(r"Learning rate $\eta$ (dimensionless)")
    ax.set_ylabel("Largest distance from the flow\n(share of first loss)")
    ax.set_title("(e) error of descent, 16 to 84 %")
    ax.legend(loc="upper left")


def _parts(ledger: Ledger, ax: Axes, curves: Curves) -> None:
    aligned = np.abs(curves.over_seeds("aligned"))
    norm = curves.over_seeds("norm")[..., 0]
    rest = np.sqrt(np.clip(norm**2 - aligned**2, 1e-20, None))
    parts = {"along the truth": aligned.mean(-1), "orthogonal to it": rest.mean(-1)}
    for color, (name, values) in zip(style.SERIES, parts.items(), strict=False):
        seed_lines(ledger, ax, "f", curves, values, color, label=name)
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 40)
    ax.set_ylabel("Part of the learned vectors\n(dimensionless)")
    step_axis(ax, curves.converged(), False, True)
    ax.set_title("(f) decay, growth, levelling off")
    ax.legend(loc="upper right")
