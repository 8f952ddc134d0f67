"""Sweeps of the sampler's settings: every cell of a grid, at every checkpoint of a model.

One setting has to serve a model's whole training, so a sweep takes an early, a middle and a late
checkpoint together. `llc.calibration_choice` picks a cell from it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.along import estimate_at, untrained_loss_of
from stagewise.llc.diagnostics import judge, locality
from stagewise.llc.estimate import full_loss
from stagewise.llc.settings import AXES, Grid, SGLDConfig

logger = logging.getLogger(__name__)


_NUMBERS = {
    "llc_mean": ("1", "LLC"),
    "llc_stderr": ("1", "standard error of the LLC over chains"),
    "rhat": ("1", "rank-normalised split R-hat of the paired draws"),
    "ess": ("draws", "bulk effective sample size of the paired draws"),
    "drift": ("1", "LLC of the second half of the draws less the first, mean over chains"),
    "mean_loss": ("loss", "mean loss of the chains, E[L]"),
    "forgotten_share": ("1", "share of the training gain that the chains gave up"),
    "displacement": ("1", "mean |w - w*| / |w*| over chains and draws"),
    "num_diverged": ("1", "number of diverged chains"),
}
_TEXTS = {
    "verdict": "whether to trust the estimate",
    "reason": "what the verdict rests on",
}


class Swept(NamedTuple):
    """What a sweep is made of: a subject, at which of its steps, and the key of batches and noise."""

    subject: Subject
    steps: tuple[int, ...]
    key: StreamKey


def sweep(
    subject: Subject, steps: Sequence[int], key: StreamKey, grid: Grid, base: SGLDConfig
) -> xr.Dataset:
    """Estimate the LLC in every cell of the grid at every checkpoint.

    Parameters
    ----------
    subject : Subject
    steps : sequence of int
        Of the checkpoints, in the order of time.
    key : StreamKey
        Names batches and noise, the same in every cell: cells then differ by their settings alone.
    grid : Grid
    base : SGLDConfig
        What the cells have in common; its own values of the swept settings are not used.

    Returns
    -------
    xarray.Dataset
        Along ``step, step_size, n_beta, localization``: the estimate, its diagnostics, ``verdict``
        and ``reason`` (see `llc.diagnostics.judge`), and ``running_llc(..., draw)``, the mean over
        chains of the estimate from the draws so far. Along ``step``: ``init_loss``. Attributes hold
        `base`, the subject's name, ``num_samples``, ``untrained_loss`` and ``exact_llc`` (NaN if
        unknown).
    """
    untrained_loss = untrained_loss_of(subject)
    shape = (len(steps), *(len(getattr(grid, name)) for name in AXES))
    found = {name: np.full(shape, np.nan) for name in _NUMBERS}
    texts = {name: np.empty(shape, dtype=object) for name in _TEXTS}
    running = np.full((*shape, base.num_draws), np.nan, dtype=np.float32)
    cells = list(zip(np.ndindex(shape[1:]), grid.cells(), strict=True))
    heartbeat = Heartbeat("estimate", len(cells) * shape[0])
    for number, step in enumerate(steps):
        for count, (index, cell) in enumerate(cells, start=1):
            config = replace(base, **cell)
            estimate = estimate_at(subject, step, config, key=key)
            place = (number, *index)
            for name, value in _numbers_of(estimate, untrained_loss).items():
                found[name][place] = value
            verdict, reason = judge(estimate, untrained_loss)
            texts["verdict"][place], texts["reason"][place] = verdict, reason
            running[place] = running_llc(estimate)
            heartbeat.beat(number * len(cells) + count)
    swept = _as_dataset(subject, steps, grid, base, found, texts, running)
    return swept.assign_attrs(untrained_loss=untrained_loss)


def _numbers_of(estimate: xr.Dataset, untrained_loss: float) -> dict[str, float]:
    """Return the numbers that a sweep keeps of one estimate."""
    where = locality(estimate, untrained_loss, np.nan)
    values = {name: estimate[name] for name in _NUMBERS if name in estimate}
    values["drift"] = estimate["drift"].mean("chain")
    values["mean_loss"] = where["mean_loss"]
    values["forgotten_share"] = where["forgotten_share"]
    values["displacement"] = where["mean_displacement"]
    return {name: float(value) for name, value in values.items()}


def running_llc(estimate: xr.Dataset) -> np.ndarray:
    """Return the estimate from the draws so far, mean over kept chains, shape (draw,)."""
    excess = (estimate["loss"] - estimate["baseline_loss"]).to_numpy().astype(float)
    kept = excess[~estimate["diverged"].to_numpy().astype(bool)]
    if not len(kept):
        return np.full(excess.shape[1], np.nan)
    count = np.arange(1, excess.shape[1] + 1)
    return float(estimate.attrs["n_beta"]) * np.cumsum(kept.mean(axis=0)) / count


def _as_dataset(
    subject: Subject,
    steps: Sequence[int],
    grid: Grid,
    base: SGLDConfig,
    found: Mapping[str, np.ndarray],
    texts: Mapping[str, np.ndarray],
    running: np.ndarray,
) -> xr.Dataset:
    dims = ("step", *AXES)
    variables: dict[str, Any] = {
        name: (dims, found[name], {"units": units, "long_name": long_name})
        for name, (units, long_name) in _NUMBERS.items()
    }
    for name, long_name in _TEXTS.items():
        variables[name] = (dims, texts[name], {"units": "1", "long_name": long_name})
    described = {"units": "1", "long_name": "LLC from the draws so far, mean over chains"}
    variables["running_llc"] = ((*dims, "draw"), running, described)
    losses = [full_loss(subject.loss_fn, subject.params_at(s), subject.samples) for s in steps]
    described = {"units": "loss", "long_name": "loss at w* over all samples"}
    variables["init_loss"] = (("step",), losses, described)
    shared = {name: value for name, value in vars(base).items() if name not in (*AXES, "num_draws")}
    return xr.Dataset(
        variables,
        coords={
            "step": list(steps),
            "draw": np.arange(base.num_draws),
            **{name: list(getattr(grid, name)) for name in AXES},
        },
        attrs={
            **shared,
            "num_draws": base.num_draws,
            "subject": subject.name,
            "num_samples": subject.num_samples,
            "exact_llc": np.nan if subject.exact_llc is None else subject.exact_llc,
        },
    )
