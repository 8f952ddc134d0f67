"""Previous-token and prefix-matching scores, the ICL score and the gains of induction."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from stagewise.plots import style
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.studies.language.figures.panels import DEPTHS, Runs, Stages, band, finish, stage_rows

_NAMED = 2
"""Heads that are named at most, those with the highest scores, if they double their score at step 0."""


@style.context()
def draw(*, runs: Runs, stages: Stages, remark: str) -> Drawn:
    """Draw previous-token and prefix-matching scores, the ICL score and the gains of induction.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant.
    stages : mapping of str to DataFrame
    remark : str
        What a reader must know of the text; above the panels.

    Returns
    -------
    Drawn
        Bounds are one standard error over rows; those of the ICL score are of its change since step 0.
    """
    figure = style.new_figure(style.FULL_WIDTH, 4 * style.PANEL_HEIGHT + 0.9, remark)
    axes = figure.subplots(4, len(runs), sharey="row", squeeze=False)
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        previous, prefix, context, gains = axes[:, column]
        previous.set_title(f"{DEPTHS[variant]}\n")
        _heads(ledger, previous, f"previous token, {variant}", metrics, "previous_token_score")
        _heads(ledger, prefix, f"prefix matching, {variant}", metrics, "prefix_matching_score")
        scores = with_error_of_change(metrics)
        band(ledger, context, f"ICL, {variant}", "ICL score", scores, "icl_score", color=style.MAIN)
        context.axhline(0, color=style.MUTED, linewidth=0.6)
        _gains(ledger, gains, f"gains, {variant}", metrics)
    labels = (
        "Previous-token\nscore (attention)",
        "Prefix-matching\nscore (attention)",
        "ICL score (nats)",
        "Gain of induction\n(nats)",
    )
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label)
    finish(axes, runs, stages)
    style.bottom_legend(figure, *stage_rows(runs, stages))
    return Drawn(figure, ledger.table())


def with_error_of_change(metrics: xr.Dataset) -> xr.Dataset:
    """Return the ICL score with the standard error of its change since the first step, paired by row.

    Rows differ far more from each other than a row's score changes, so that the error of the level
    would hide every change.
    """
    rows = metrics["icl_score_row"]
    changes = rows - rows.isel(step=0)
    error = changes.std("row", ddof=1) / rows.sizes["row"] ** 0.5
    return metrics[["icl_score"]].assign(icl_score_stderr=error)


def _heads(ledger: Ledger, ax: Axes, panel: str, metrics: xr.Dataset, name: str) -> None:
    scores = metrics[[name, f"{name}_stderr"]].stack(place=("layer", "head"))
    best = scores[name].max("step").to_numpy()
    grown = best > 2 * scores[name].isel(step=0).to_numpy()
    named = [int(index) for index in np.argsort(-best)[:_NAMED] if grown[index]]
    rest = [int(index) for index in np.argsort(best) if index not in named]
    for index in [*named, *rest]:
        own = scores.isel(place=index)
        layer = int(own["layer"])
        label = f"{layer + 1}:{int(own['head']) + 1}"
        shown = index in named
        band(
            ledger,
            ax,
            panel,
            label,
            own,
            name,
            color=style.SERIES[layer] if shown else style.MUTED,
            linestyle="--" if index in named[1:] else "-",
            linewidth=1.3 if shown else 0.6,
            label=f"head {label}" if shown else "others" if index == rest[0] else None,
            zorder=3 if shown else 2,
        )
    ax.set_ylim(bottom=0)
    if named:
        ax.legend(loc="upper left")
    else:
        style.note(ax, f"No head doubles its score at step 0 (highest {best.max():.2f})")


def _gains(ledger: Ledger, ax: Axes, panel: str, metrics: xr.Dataset) -> None:
    looks = {
        "completion_gain": (style.SERIES[2], "repeated bigrams of text"),
        "second_copy_gain": (style.SERIES[3], "second copy of random tokens"),
    }
    for name, (color, label) in looks.items():
        band(ledger, ax, panel, label, metrics, name, color=color, label=label)
    ax.axhline(0, color=style.MUTED, linewidth=0.6)
    ax.legend(loc="upper left")
