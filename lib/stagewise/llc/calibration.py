"""Sweeps of the sampler's settings: every cell of a grid, at every checkpoint of a model.

One setting has to serve a model's whole training, so a sweep takes an early, a middle and a late
checkpoint together. `llc.calibration_choice` picks a cell from it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.along import estimate_at, untrained_loss_of
from stagewise.llc.diagnostics import judge, locality
from stagewise.llc.estimate import full_loss
from stagewise.llc.layout import SWEEP
from stagewise.llc.preconditioning import Curvature
from stagewise.llc.settings import AXES, Grid, SGLDConfig

logger = logging.getLogger(__name__)


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
    untrained_loss, cells = untrained_loss_of(subject), grid.cells()
    heartbeat = Heartbeat("estimate", len(cells) * len(steps))
    rows = []
    for step in steps:
        curvatures: dict[str, Curvature] = {}  # measured once: it takes longer than short chains do
        for cell in cells:
            estimate = estimate_at(
                subject, step, replace(base, **cell), key=key, curvatures=curvatures
            )
            rows.append(_kept_of(estimate, untrained_loss))
            heartbeat.beat(len(rows))
    shape = (len(steps), *(len(getattr(grid, name)) for name in AXES))
    columns = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    found = {name: some.reshape(*shape, *some.shape[1:]) for name, some in columns.items()}
    swept = _as_dataset(subject, steps, grid, base, found)
    return swept.assign_attrs(untrained_loss=untrained_loss)


def _kept_of(estimate: xr.Dataset, untrained_loss: float) -> dict[str, np.ndarray | float]:
    """Return what a sweep keeps of one estimate."""
    where = locality(estimate, untrained_loss, np.nan)
    verdict, reason = judge(estimate, untrained_loss)
    return {
        **{name: float(estimate[name]) for name in ("llc_mean", "llc_stderr", "rhat", "ess")},
        "drift": float(estimate["drift"].mean("chain")),
        "mean_loss": float(where["mean_loss"]),
        "forgotten_share": float(where["forgotten_share"]),
        "displacement": float(where["mean_displacement"]),
        "num_diverged": float(estimate["num_diverged"]),
        "verdict": np.array(verdict, dtype=object),
        "reason": np.array(reason, dtype=object),
        "running_llc": running_llc(estimate).astype(np.float32),
    }


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
) -> xr.Dataset:
    losses = [full_loss(subject.loss_at(s), subject.params_at(s), subject.samples) for s in steps]
    shared = {name: value for name, value in vars(base).items() if name not in (*AXES, "num_draws")}
    return SWEEP.dataset(
        {**found, "init_loss": losses},
        coords={
            "step": list(steps),
            "draw": np.arange(base.num_draws),
            **{name: list(getattr(grid, name)) for name in AXES},
        },
        attributes={
            **shared,
            "num_draws": base.num_draws,
            "subject": subject.name,
            "num_samples": subject.num_samples,
            "exact_llc": np.nan if subject.exact_llc is None else subject.exact_llc,
        },
    )
