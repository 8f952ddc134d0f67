"""In-context learning over training: scores, their onset, and the loss by position (Fig. 27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.regression.figures.structure_panels import FAINT, company, others, shades

ONSET = (0.02, 0.7)
"""Shares of the fall of the score 1:D between which its onset is looked at closely."""

MARGIN = 3.0
"""By how much the close look begins earlier and ends later, as a factor of the step."""

NUM_TIMES = 7
"""Checkpoints whose loss is drawn against the position."""

_SCORES = {"icl_locate": style.SERIES[0], "icl_refine": style.SERIES[1], "icl_total": style.MAIN}


@style.context()
def draw(
    *, metrics: Mapping[str, xr.Dataset], stages: pd.DataFrame, run: str, dimension: int
) -> Drawn:
    """Draw the scores, a close look at their onset, gains from position to position, and losses.

    Parameters
    ----------
    metrics : mapping of str to Dataset
        Layout `regression.layout.METRICS`, by run.
    stages : DataFrame
        Stages of the shown run.
    run : str
        The shown run.
    dimension : int
        Number of entries of an input, D.

    Returns
    -------
    Drawn
        Table of every line; bounds are one standard error over contexts.
    """
    beside, shown = others(metrics, run), metrics[run]
    figure = style.new_figure(
        style.FULL_WIDTH, 2 * style.PANEL_HEIGHT + 1.3, company(metrics, run, stages)
    )
    (a, b), (c, d) = figure.subplots(2, 2)
    ledger, names = Ledger(), _names(dimension, shown.sizes["position"])
    last = float(shown["step"].max())
    for ax in (a, b, c):
        style.log_step_axis(ax, last)
        ax.axhline(0, color=style.MAIN, linewidth=0.5, zorder=1)
    for name, color in _SCORES.items():
        for other, data in beside.items():
            score = data[name].to_numpy()
            look: dict[str, Any] = {"color": color, "linewidth": 0.6, "alpha": FAINT}
            ledger.line(a, "a", f"{name} {other}", data["step"].to_numpy(), score, **look)
        for panel, ax in (("a", a), ("b", b)):
            _score(ledger, ax, panel, shown, name, color)
    ridge = _ridge_scores(shown, dimension)
    for name, color in _SCORES.items():
        a.axhline(ridge[name], color=color, linewidth=0.7, linestyle=":", zorder=1)
    _look_closely(b, shown, names["icl_refine"])
    _gains(ledger, c, shown)
    _losses(ledger, d, shown)
    a.set(ylabel="ICL score (difference\nof losses)", title="(a) Scores")
    b.set(ylabel="ICL score", title="(b) Their onset, ±1 standard error")
    for ax in (a, b, c):
        style.shade_stages(ax, stages)
    lines = [Line2D([], [], color=color, label=names[name]) for name, color in _SCORES.items()]
    dotted = Line2D([], [], color=style.MUTED, linestyle=":", label="of ridge regression")
    style.bottom_legend(figure, [*lines, dotted], style.stage_handles(stages))
    return Drawn(figure, ledger.table())


def _names(dimension: int, positions: int) -> dict[str, str]:
    pairs = {
        "icl_locate": (dimension, 1),
        "icl_refine": (positions, dimension),
        "icl_total": (positions, 1),
    }
    return {
        name: rf"ICL$_{{{low}:{high}}}$ = $L_{{{high}}} - L_{{{low}}}$"
        for name, (high, low) in pairs.items()
    }


def _score(ledger: Ledger, ax: Axes, panel: str, shown: xr.Dataset, name: str, color: str) -> None:
    value, error = shown[name].to_numpy(), shown[f"{name}_stderr"].to_numpy()
    steps = shown["step"].to_numpy()
    ledger.line(ax, panel, name, steps, value, value - error, value + error, color=color)


def _ridge_scores(shown: xr.Dataset, dimension: int) -> dict[str, float]:
    """Return the scores of the ridge prediction on the same contexts."""
    loss = shown["ridge_token_loss"].to_numpy()
    return {
        "icl_locate": float(loss[dimension - 1] - loss[0]),
        "icl_refine": float(loss[-1] - loss[dimension - 1]),
        "icl_total": float(loss[-1] - loss[0]),
    }


def _look_closely(ax: Axes, shown: xr.Dataset, name: str) -> None:
    """Restrict a panel to the onset of in-context learning, and mark where refining is worst."""
    steps, located = shown["step"].to_numpy(), shown["icl_locate"].to_numpy()
    fall = located[0] - located
    begun, done = (int(np.argmax(fall >= share * fall.max())) for share in ONSET)
    low, high = max(steps[begun] / MARGIN, 1.0), min(steps[done] * MARGIN, float(steps[-1]))
    seen = (steps >= low) & (steps <= high)
    if not fall.max() > 0 or seen.sum() < 2:
        return
    values = np.stack([shown[score].to_numpy()[seen] for score in ("icl_locate", "icl_refine")])
    error = float(shown["icl_refine_stderr"].to_numpy()[seen].max())
    margin = 2 * error + 0.05 * float(np.ptp(values))
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda step, _: style.short_step(step)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_ylim(float(values.min()) - margin, float(values.max()) + margin)
    refined = shown["icl_refine"].to_numpy()
    top = int(np.flatnonzero(seen)[np.argmax(refined[seen])])
    if refined[top] > 0:
        ax.annotate(
            f"{name.split(' ')[0]} = {refined[top]:+.2f}\nat step {style.short_step(steps[top])}",
            (steps[top], refined[top]),
            xytext=(0.04, 0.2),
            textcoords="axes fraction",
            fontsize=6.5,
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": style.MUTED},
        )


def _gains(ledger: Ledger, ax: Axes, shown: xr.Dataset) -> None:
    """Draw the loss at each position less that at the one before."""
    positions = shown["position"].to_numpy()
    losses = shown["token_loss"].to_numpy()
    for color, n in zip(shades(positions.size - 1), range(1, positions.size), strict=True):
        ends = n in (1, positions.size - 1)
        label = rf"$L_{{{positions[n]}}} - L_{{{positions[n - 1]}}}$" if ends else None
        gain = losses[:, n] - losses[:, n - 1]
        series = f"{positions[n]} less {positions[n - 1]}"
        steps = shown["step"].to_numpy()
        ledger.line(ax, "c", series, steps, gain, color=color, linewidth=0.8, label=label)
    ax.set(ylabel="Loss less that at\nthe position before", title="(c) What each example adds")
    ax.legend(loc="lower left")


def _losses(ledger: Ledger, ax: Axes, shown: xr.Dataset) -> None:
    """Draw the loss against the position at some checkpoints, and that of the ridge prediction."""
    positions, steps = shown["position"].to_numpy(), shown["step"].to_numpy()
    log_steps = np.log1p(steps)
    wanted = np.linspace(np.log1p(steps[-1] * style.FIRST_SHARE), log_steps[-1], NUM_TIMES)
    chosen = sorted({int(np.abs(log_steps - one).argmin()) for one in wanted})
    for color, n in zip(shades(len(chosen)), chosen, strict=True):
        loss = shown["token_loss"].to_numpy()[n]
        error = shown["token_loss_stderr"].to_numpy()[n]
        label = style.short_step(steps[n])
        look: dict[str, Any] = {"color": color, "marker": "o", "label": label, "linewidth": 0.9}
        ledger.line(
            ax, "d", f"step {steps[n]}", positions, loss, loss - error, loss + error, **look
        )
    ridge = shown["ridge_token_loss"].to_numpy()
    ledger.line(ax, "d", "ridge", positions, ridge, color=style.MAIN, linestyle=":", zorder=4)
    ax.set(
        xlabel="Position k in the context", ylabel="Test loss $L_k$", title="(d) Loss by position"
    )
    ax.set_yscale("log")
    ax.set_xticks(positions)
    ax.legend(loc="lower left", ncols=2, title="step", title_fontsize=6.5)
