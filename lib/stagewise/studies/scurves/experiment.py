"""One setting run for all its seeds: what is recorded along the way, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.schedules import checkpoint_steps
from stagewise.core.seeding import StreamKey
from stagewise.core.unanswered import UnansweredError
from stagewise.studies.scurves.alignment import (
    captured_share,
    cosines,
    largest_angle,
    leading_directions,
)
from stagewise.studies.scurves.curves_layout import CURVES
from stagewise.studies.scurves.descent import descend
from stagewise.studies.scurves.settings import Setting
from stagewise.studies.scurves.tasks import draw_vectors, in_their_span, loss_function, matrix_of

TRACKED = 10
"""So many learned vectors and targets are followed one by one; all of them up to this rank."""


class DivergedError(UnansweredError):
    """Every seed of a case diverged; the message names the key and the remedy."""


def run_setting(setting: Setting, study: Mapping[str, Any], root_seed: int) -> xr.Dataset:
    """Run a setting for all its seeds, in batches that have no effect on the result.

    Parameters
    ----------
    setting : Setting
    study : mapping
        ``records``, ``adam``, ``divergence_factor`` and ``seeds_per_batch`` of the study.
    root_seed : int

    Returns
    -------
    Dataset
        Layout `scurves.curves_layout.CURVES`.

    Raises
    ------
    DivergedError
        If no seed of a case is left.
    """
    steps = checkpoint_steps(setting.num_steps, **study["records"])
    size = study["seeds_per_batch"]
    batches = [
        range(first, min(first + size, setting.num_seeds))
        for first in range(0, setting.num_seeds, size)
    ]
    parts = [_run_batch(setting, study, root_seed, steps, seeds) for seeds in batches]
    joined = xr.concat(parts, "seed", data_vars="minimal")
    _check_some_left(setting, joined["diverged"].to_numpy())
    return joined


def _run_batch(
    setting: Setting,
    study: Mapping[str, Any],
    root_seed: int,
    steps: np.ndarray,
    seeds: Sequence[int],
) -> xr.Dataset:
    key = StreamKey(root_seed, ("scurves",))
    targets, initial = draw_vectors(setting, key, seeds)
    if setting.stays_in_span:
        targets, initial = in_their_span(targets, initial)
    recorder = _Recorder(setting, targets)
    losses_of = loss_function(setting, targets.repeat(len(setting.cases), 1, 1, 1))
    final = descend(
        losses_of,
        initial,
        setting.cases,
        setting.optimiser,
        study["adam"],
        steps.tolist(),
        recorder.observe,
    )
    values = recorder.arrays()
    loss = values["loss"]
    # Without its self term a loss begins on either side of zero and falls without bound.
    limit = study["divergence_factor"] * np.abs(loss[..., :1])
    values["diverged"] = ~(np.isfinite(loss) & (loss <= limit)).all(-1)
    values["null_loss"] = loss_function(setting, targets)(torch.zeros_like(targets)).numpy()
    values |= _final_state(setting, targets, final)
    return _labelled(setting, values, steps, seeds)


class _Recorder:
    """Keeps losses, lengths and alignments at each recorded step."""

    def __init__(self, setting: Setting, targets: Tensor) -> None:
        self.setting, self.targets = setting, targets
        self.kept: dict[str, list[np.ndarray]] = {}

    def observe(self, vectors: Tensor, losses: Tensor) -> None:
        """Record vectors (case, seed, component, rank, dimension) and losses (case, seed)."""
        shown, truth = vectors[..., :TRACKED, :], self.targets[:, :, :TRACKED]
        every = self.targets.expand(vectors.shape).flatten(0, 1)
        captured = captured_share(vectors.flatten(0, 1), every, self.setting.groups, TRACKED)
        direction = torch.nn.functional.normalize(self.targets[:, :, 0], dim=-1)
        values = {
            "loss": losses.double(),
            "norm": shown.norm(dim=-1),
            "cosine": cosines(shown[:, :, 0], truth[:, 0]).float(),
            "aligned": (vectors[..., 0, :] * direction).sum(-1),
            "captured": captured.unflatten(0, vectors.shape[:2]),
        }
        for name, value in values.items():
            self.kept.setdefault(name, []).append(value.numpy(force=True))

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was kept, with the step as third axis."""
        return {name: np.stack(values, axis=2) for name, values in self.kept.items()}


def _final_state(setting: Setting, targets: Tensor, final: Tensor) -> dict[str, np.ndarray]:
    """Return how the vectors lie at the end; the first component stands for all."""
    best = cosines(final[:, :, 0], targets[:, 0]).abs().amax(-1).median(-1).values
    truth, learned = targets[:, 0].numpy(), final[:, :, 0].numpy()
    span = [
        [largest_angle(one, two) for one, two in zip(row, truth, strict=True)] for row in learned
    ]
    leading = np.full(best.shape, np.nan)
    if setting.num_components == 2 and setting.rank > TRACKED:
        matrices = matrix_of(targets).numpy()
        for case, vectors in enumerate(final):
            for seed, matrix in enumerate(matrix_of(vectors).numpy()):
                if np.isfinite(matrix).all():
                    pair = (leading_directions(m, TRACKED) for m in (matrix, matrices[seed]))
                    leading[case, seed] = largest_angle(*pair)
    return {"best_cosine": best.numpy(), "span_angle": np.array(span), "leading_angle": leading}


def _labelled(
    setting: Setting, values: Mapping[str, np.ndarray], steps: np.ndarray, seeds: Sequence[int]
) -> xr.Dataset:
    rates, decays = zip(*setting.cases, strict=True)
    coords = {
        "step": steps,
        "seed": list(seeds),
        "learning_rate": ("case", list(rates)),
        "weight_decay": ("case", list(decays)),
    }
    attributes = {
        "setting": setting.name,
        "task": setting.task,
        "optimiser": setting.optimiser,
        "dimension": setting.dimension,
        "rank": setting.rank,
        "num_components": setting.num_components,
        "precision": setting.precision,
    }
    return CURVES.dataset({name: values[name] for name in CURVES.variables}, coords, attributes)


def _check_some_left(setting: Setting, diverged: np.ndarray) -> None:
    for (rate, _), lost in zip(setting.cases, diverged, strict=True):
        if lost.all():
            raise DivergedError(
                f"setting {setting.name!r}: every seed diverged at learning rate {rate:g}; lower "
                f"'learning_rates' of 'scurves.experiments.<experiment>.{setting.name}'"
            )
