"""Bigram score, loss with and without positions, and n-gram scores along training."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
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
from stagewise.studies.language.landmarks import BIGRAM, Landmark, landmarks_of

_LABELS = (
    "Bigram score\n(cross-entropy, nats)",
    "Test loss (nats)",
    "n-gram score\n(ratio of losses)",
)


@style.context()
def draw(
    *, runs: Runs, stages: Stages, landmarks: Mapping[str, pd.DataFrame], remark: str
) -> Drawn:
    """Draw bigram score, loss with and without positions, and n-gram scores of two runs.

    Parameters
    ----------
    runs : mapping of str to Dataset
        Metrics by variant; one column a run, or one row of panels if there is one run.
    stages : mapping of str to DataFrame
        Stages of each run.
    landmarks : mapping of str to DataFrame
        Of each run; layout `language.layout.LANDMARKS`.
    remark : str
        What a reader must know of the text; above the panels.

    Returns
    -------
    Drawn
        Bounds are one standard error over rows of text (n-gram scores: by the delta method; loss with
        positions zeroed: a bound of the error of its difference from the other, paired by row).
    """
    single = len(runs) == 1
    height = (style.PANEL_HEIGHT if single else 3 * style.PANEL_HEIGHT) + 0.9
    figure = style.new_figure(style.FULL_WIDTH, height, remark)
    shape = (1, 3) if single else (3, len(runs))
    axes = figure.subplots(*shape, sharey=False if single else "row", squeeze=False)
    columns = axes.T if single else axes
    ledger = Ledger()
    for column, (variant, metrics) in enumerate(runs.items()):
        top, middle, bottom = columns[:, column]
        top.set_title(f"{DEPTHS[variant]}\n")
        _bigrams(ledger, top, variant, metrics, landmarks_of(landmarks[variant])[BIGRAM])
        _positions(ledger, middle, variant, metrics)
        _ngrams(ledger, bottom, variant, metrics)
    for ax, label in zip(columns[:, 0], _LABELS, strict=True):
        ax.set_ylabel(label)
    finish(columns, runs, stages)
    style.bottom_legend(figure, *stage_rows(runs, stages))
    return Drawn(figure, ledger.table())


def _bigrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset, least: Landmark) -> None:
    panel = f"bigrams, {variant}"
    band(ledger, ax, panel, "bigram score", metrics, "bigram_score", color=style.MAIN)
    entropy = float(metrics["bigram_entropy"])
    ledger.add(panel, "bigram entropy", [0], [entropy])
    ax.axhline(entropy, color=style.ACCENT, linestyle="--", linewidth=0.9, label="bigram entropy")
    steps = metrics["step"].to_numpy()
    ledger.add(panel, "minimum", [least.step], [least.value])
    if steps[0] < least.step < steps[-1]:
        label = f"minimum, step {least.step:.0f}"
        ax.plot(least.step, least.value, "v", color=style.ACCENT, markersize=4, label=label)
    else:
        style.note(ax, "No minimum within these steps", y=0.5)
    ax.legend(loc="best")


def _positions(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    looks = {
        "ablated_loss": (style.SERIES[0], "positions zeroed"),
        "position_loss": (style.SERIES[1], "as trained"),
    }
    # What is compared is their difference, of the same rows: the band is its error, on one line.
    effect = over_positions(metrics, "ablation_effect")["ablation_effect_stderr"]
    for name, (color, label) in looks.items():
        error = effect if name == "ablated_loss" else 0 * effect
        mean = over_positions(metrics, name).assign({f"{name}_stderr": error})
        band(ledger, ax, f"positions, {variant}", label, mean, name, color=color, label=label)
    ax.legend(loc="best", title="mean over positions")


def _ngrams(ledger: Ledger, ax: Axes, variant: str, metrics: xr.Dataset) -> None:
    for color, n in zip(style.SERIES, metrics["ngram"].to_numpy(), strict=False):
        label = f"n = {n}"
        own = metrics.sel(ngram=n)
        band(ledger, ax, f"n-grams, {variant}", label, own, "ngram_score", color=color, label=label)
    ax.axhline(1, color=style.MUTED, linestyle="--", linewidth=0.8)
    ax.legend(loc="best")
