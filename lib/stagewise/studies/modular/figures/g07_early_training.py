"""Early training with cross-entropy and with squared errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.modular.early import num_early
from stagewise.studies.modular.figures import marks

_NUMBERS = range(1, 5)
_WHOLE = np.inf
_MOST = 1.3  # of a constant's squared error: what initial logits add is taken back at once


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], runs: pd.DataFrame, early_fall: float) -> Drawn:
    """Draw early loss and mean correct logit, as the number of classes grows.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `modular.layout.CURVES`.
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    early_fall : float
        Early training ends when the cross-entropy has fallen by so many nats.
    """
    figure = style.new_figure(style.FULL_WIDTH, style.PANEL_HEIGHT + 0.8)
    axes, ledger = figure.subplots(1, 3), Ledger()
    classes = [int(curves[f"entropy{k}"].attrs["modulus"]) for k in _NUMBERS]
    entropy = [runs[runs["setting"] == f"entropy{k}"] for k in _NUMBERS]
    for number, count, table, color in zip(_NUMBERS, classes, entropy, style.SERIES, strict=True):
        _lines(ledger, axes[0], "a", curves[f"entropy{number}"], early_fall, _fallen, color)
        values = marks.kept(table)["early_slope"].dropna().to_numpy()
        marks.draw_points(ledger, axes[1], "b", f"K = {count}", number - 1, values, color, 0.15)
        _lines(ledger, axes[2], "c", curves[f"squares{number}"], _WHOLE, _above_constant, color)
    look: dict[str, Any] = {"color": style.ACCENT, "linestyle": "--", "linewidth": 0.8}
    reach = np.array([0.0, early_fall])
    ledger.line(axes[0], "a", "slope -1", reach, -reach, **look)
    axes[1].axhline(-1, **look)
    axes[2].set_ylim(0, _MOST)
    marks.note_diverged(axes[1], pd.concat(entropy))
    size = marks.number_of_runs([len(table) for table in entropy])
    logit = "Rise of the mean correct logit"
    axes[0].set_title(f"(a) cross-entropy, {size} each")
    axes[0].set_xlabel(logit)
    axes[0].set_ylabel("Loss − its first value (nat)")
    axes[1].set_title("(b) slope of (a), each run")
    axes[1].set_ylabel("Loss by mean correct logit")
    style.category_axis(axes[1], [str(count) for count in classes], "Classes K = p")
    axes[2].set_title("(c) squared error, whole run")
    axes[2].set_xlabel(logit)
    axes[2].set_ylabel("Loss over a constant's")
    handles = style.color_handles([f"K = {count}" for count in classes])
    run, _, median, _ = marks.time_handles()
    handles += [Line2D([], [], label="slope −1", **look), run, median]
    style.bottom_legend(figure, handles, columns=7)
    return Drawn(figure, ledger.table())


def _fallen(data: xr.Dataset) -> np.ndarray:
    loss = data["train_loss"].transpose("replica", "step").to_numpy()
    fallen: np.ndarray = loss - loss[:, :1]
    return fallen


def _above_constant(data: xr.Dataset) -> np.ndarray:
    """Return the squared error over that of the best constant predictor, (K - 1) / K^2."""
    count = int(data.attrs["modulus"])
    return data["train_loss"].to_numpy() * count**2 / (count - 1)


def _lines(
    ledger: Ledger,
    ax: Axes,
    panel: str,
    data: xr.Dataset,
    fall: float,
    values_of: Callable[[xr.Dataset], np.ndarray],
    color: str,
) -> None:
    """Draw something of each run against the rise of its mean correct logit, in early training."""
    values, margin = values_of(data), data["train_margin"].to_numpy()
    for index in np.flatnonzero(data["diverged_step"].to_numpy() < 0).tolist():
        end = num_early(data["train_loss"].to_numpy()[index], fall)
        series = f"K = {data.attrs['modulus']}, seed {int(data['seed'][index])}"
        line = margin[index, :end] - margin[index, 0], values[index, :end]
        ledger.line(ax, panel, series, *line, color=color, linewidth=0.8, alpha=0.7)
