"""Landmarks of a language model's training: least bigram score, n-gram growth, a bump of the loss."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

BIGRAM = "least bigram score"
BUMP = "rise of the loss"
NGRAM = "growth of the {n}-gram score"


class Landmark(NamedTuple):
    """A value that a run reaches at a step, with its standard error."""

    step: float
    value: float
    stderr: float


def landmarks(metrics: xr.Dataset) -> dict[str, Landmark]:
    """Return every landmark of a run by its name.

    Parameters
    ----------
    metrics : Dataset
        Layout `language.layout.METRICS`.
    """
    found = {BIGRAM: least_bigram_score(metrics), BUMP: loss_bump(metrics)}
    growth = {
        NGRAM.format(n=n): ngram_growth(metrics, n) for n in metrics["ngram"].to_numpy().tolist()
    }
    return found | growth


def landmark_table(metrics: xr.Dataset) -> pd.DataFrame:
    """Return the landmarks of a run as a table of layout `language.layout.LANDMARKS`."""
    rows = [{"landmark": name, **mark._asdict()} for name, mark in landmarks(metrics).items()]
    table = pd.DataFrame(rows)
    table.insert(0, "run", metrics.attrs["run"])
    return table


def landmarks_of(table: pd.DataFrame) -> dict[str, Landmark]:
    """Return the landmarks of a table of one run by their names."""
    return {
        row.landmark: Landmark(row.step, row.value, row.stderr)
        for row in table.itertuples(index=False)
    }


def least_bigram_score(metrics: xr.Dataset) -> Landmark:
    """Return where the cross-entropy with the bigram distribution is least."""
    at = metrics.isel(step=int(metrics["bigram_score"].to_numpy().argmin()))
    return Landmark(float(at["step"]), float(at["bigram_score"]), float(at["bigram_score_stderr"]))


def ngram_growth(metrics: xr.Dataset, n: int) -> Landmark:
    """Return the largest n-gram score from the least bigram score on, over the score there.

    The standard error is that of the ratio, by the delta method.
    """
    scores = metrics[["ngram_score", "ngram_score_stderr"]].sel(ngram=n)
    first = least_bigram_score(metrics).step
    start, later = scores.sel(step=first), scores.sel(step=scores["step"] >= first)
    top = later.isel(step=int(later["ngram_score"].to_numpy().argmax()))
    ratio = float(top["ngram_score"] / start["ngram_score"])
    relative = math.hypot(
        *(float(at["ngram_score_stderr"] / at["ngram_score"]) for at in (start, top))
    )
    return Landmark(float(top["step"]), ratio, ratio * relative)


def loss_bump(metrics: xr.Dataset) -> Landmark:
    """Return the largest rise of the test loss above the least it had been, and where its top is."""
    loss, error = metrics["test_loss"].to_numpy(), metrics["test_loss_stderr"].to_numpy()
    lowest = np.minimum.accumulate(loss)
    top = int(np.argmax(loss - lowest))
    bottom = int(np.argmin(loss[: top + 1]))
    # Losses of the same rows: their change is known better than this.
    stderr = math.hypot(error[top], error[bottom])
    return Landmark(float(metrics["step"][top]), float(loss[top] - loss[bottom]), stderr)
