"""Early training with cross-entropy and with squared errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.figures import marks

_NUMBERS = range(1, 5)


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], runs: pd.DataFrame, early_share: float) -> Drawn:
    """Draw early loss and mean correct logit, as the number of classes grows.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `modular.layout.CURVES`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    early_share : float
        Early training ends when the loss has fallen by this share.
    """
    figure = style.new_figure(style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.0)
    grid, ledger = figure.subplots(2, 3), Ledger()
    classes = [int(curves[f"entropy{k}"].attrs["modulus"]) for k in _NUMBERS]
    entropy = [runs[runs["setting"] == f"entropy{k}"] for k in _NUMBERS]
    for number, count, table, color in zip(_NUMBERS, classes, entropy, style.SERIES, strict=True):
        data = curves[f"entropy{number}"]
        _lines(ledger, grid[0, 0], "a", data, early_share, _above_uniform, color)
        for ax, letter, name in (
            (grid[0, 1], "b", "early_slope"),
            (grid[0, 2], "c", "early_correlation"),
        ):
            values = marks.kept(table)[name].dropna().to_numpy()
            marks.draw_points(ledger, ax, letter, f"K = {count}", number - 1, values, color, 0.15)
        _lines(ledger, grid[1, 0], "d", data, early_share, _partition, color)
        _lines(ledger, grid[1, 1], "e", curves[f"squares{number}"], 1.0, _above_constant, color)
        for shift, kind, mark in ((-0.15, "entropy", style.MAIN), (0.15, "squares", style.MUTED)):
            gains = _gains(curves[f"{kind}{number}"], early_share)
            series = f"{kind}, K = {count}"
            marks.draw_points(
                ledger, grid[1, 2], "f", series, number - 1 + shift, gains, mark, 0.06
            )
    look: dict[str, Any] = {"color": style.ACCENT, "linestyle": "--", "linewidth": 0.8}
    reach = np.array([0.0, grid[0, 0].get_xlim()[1]])
    ledger.line(grid[0, 0], "a", "slope -1", reach, -reach, **look)
    grid[0, 1].axhline(-1, **look)
    _label(grid, classes, marks.number_of_runs([len(table) for table in entropy]), early_share)
    marks.note_diverged(grid[0, 1], pd.concat(entropy))
    handles = style.color_handles([f"K = {count}" for count in classes])
    handles.append(Line2D([], [], label="slope −1", **look))
    losses = style.color_handles(["cross-entropy", "squared error"], [style.MAIN, style.MUTED])
    run, _, median, _ = marks.time_handles()
    style.bottom_legend(figure, handles, [*losses, run, median], columns=5)
    return Drawn(figure, ledger.table())


def _label(grid: np.ndarray, classes: list[int], size: str, early_share: float) -> None:
    logit = "Mean correct logit, from the mean logit"
    panels = (
        (f"(a) cross-entropy, {size} each", logit, "Loss − log K (nat)"),
        ("(b) slope of (a), each run", None, "Loss by mean correct logit"),
        ("(c) correlation in (a)", None, "Pearson's r"),
        ("(d) what is left of the loss", logit, "Loss + logit − log K (nat)"),
        ("(e) squared error, whole run", logit, "Loss over a constant's"),
        (f"(f) at a loss {100 * early_share:.0f} % lower", None, "Mean correct logit gained"),
    )
    for ax, (title, x, y) in zip(grid.flat, panels, strict=True):
        ax.set_title(title)
        ax.set_ylabel(y)
        if x is None:
            style.category_axis(ax, [str(count) for count in classes], "Classes K = p")
        else:
            ax.set_xlabel(x)


def _above_uniform(data: xr.Dataset) -> np.ndarray:
    return data["train_loss"].to_numpy() - log(data.attrs["modulus"])


def _partition(data: xr.Dataset) -> np.ndarray:
    return data["train_log_partition"].to_numpy() - log(data.attrs["modulus"])


def _above_constant(data: xr.Dataset) -> np.ndarray:
    """Return the squared error over that of the best constant predictor, (K - 1) / K^2."""
    count = int(data.attrs["modulus"])
    return data["train_loss"].to_numpy() * count**2 / (count - 1)


def _early(loss: np.ndarray, early_share: float) -> int:
    """Return the number of records before the loss has fallen by a share of its first value."""
    fallen = np.flatnonzero(loss < (1 - early_share) * loss[0])
    return int(fallen[0]) if fallen.size else len(loss)


def _alive(data: xr.Dataset) -> list[int]:
    return np.flatnonzero(data["diverged_step"].to_numpy() < 0).tolist()


def _gains(data: xr.Dataset, early_share: float) -> np.ndarray:
    """Return how far each run's mean correct logit has risen at the end of early training."""
    loss, margin = data["train_loss"].to_numpy(), data["train_margin"].to_numpy()
    ends = {
        index: min(_early(loss[index], early_share), loss.shape[1] - 1) for index in _alive(data)
    }
    return np.array([margin[index, end] - margin[index, 0] for index, end in ends.items()])


def _lines(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    data: xr.Dataset,
    early_share: float,
    values_of: Callable[[xr.Dataset], np.ndarray],
    color: str,
) -> None:
    """Draw something of each run against its mean correct logit, in early training."""
    values, margin = values_of(data), data["train_margin"].to_numpy()
    for index in _alive(data):
        end = _early(data["train_loss"].to_numpy()[index], early_share)
        series = f"K = {data.attrs['modulus']}, seed {int(data['seed'][index])}"
        line = margin[index, :end], values[index, :end]
        ledger.line(ax, panel, series, *line, color=color, linewidth=0.8, alpha=0.7)
