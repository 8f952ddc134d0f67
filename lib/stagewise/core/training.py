"""Training that survives a kill, one segment at a time.

A run is cut into segments of a fixed number of updates. Each segment ends as a small finished file
with its checkpoints, its trajectory rows and the optimiser's state; after a kill the run continues
from the last one. Batches are functions of the step, so the continuation is bit-identical to an
undisturbed run. When all segments are there they are merged into the two stores that others read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    stacked_losses_and_gradients,
)
from stagewise.core.settings import TrainingSettings
from stagewise.stores.files import StoreError, atomic_path, open_store, write_attributes

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class AdamState:
    """State between two updates; tensors have shape (replica, num_parameters)."""

    step: int
    vectors: Tensor
    first_moment: Tensor
    second_moment: Tensor

    @classmethod
    def initial(cls, vectors: Tensor) -> AdamState:
        """Return the state before the first update."""
        return cls(0, vectors.clone(), torch.zeros_like(vectors), torch.zeros_like(vectors))


def adam_update(
    state: AdamState, gradients: Tensor, learning_rate: float, settings: TrainingSettings
) -> AdamState:
    """Apply one update in place and return the new state.

    Kingma & Ba 2015, algorithm 1; with decoupled weight decay, Loshchilov & Hutter 2019, algorithm 2.
    """
    beta1, beta2 = settings.betas
    step = state.step + 1
    if settings.weight_decay:
        state.vectors.mul_(1 - learning_rate * settings.weight_decay)
    state.first_moment.lerp_(gradients, 1 - beta1)
    state.second_moment.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
    scale = (state.second_moment / (1 - beta2**step)).sqrt_().add_(settings.epsilon)
    state.vectors.addcdiv_(state.first_moment, scale, value=-learning_rate / (1 - beta1**step))
    return AdamState(step, state.vectors, state.first_moment, state.second_moment)


@dataclass(frozen=True)
class Recorder:
    """What a run keeps of itself.

    Parameters
    ----------
    checkpoint_steps : frozenset of int
        Steps whose parameters are kept; step s is the state after s updates.
    trajectory_steps : frozenset of int
        Steps at which `observe` is kept.
    observe : callable
        ``observe(vector) -> ndarray, shape (feature,)``; its type is the trajectory's.
    """

    checkpoint_steps: frozenset[int]
    trajectory_steps: frozenset[int]
    observe: Callable[[Tensor], np.ndarray]


def train(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    initial: Tensor,
    batch_at: Callable[[int], Batch],
    settings: TrainingSettings,
    recorder: Recorder,
    partial: Path,
    identity: str,
) -> list[Path]:
    """Train one network to the end, or go on where an interrupted run stopped.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``.
    layout : ParameterLayout
    initial : Tensor, shape (num_parameters,)
    batch_at : callable
        ``batch_at(step) -> batch`` of the update from `step` to `step` + 1.
    settings : TrainingSettings
    recorder : Recorder
    partial : Path
        Folder of finished segments; kept until the caller has merged them.
    identity : str
        Identity of the run; segments of another identity are discarded.

    Returns
    -------
    list of Path
        All segments in order.

    Raises
    ------
    FloatingPointError
        If the loss stops being finite; names the step and the learning rate.
    """
    partial.mkdir(parents=True, exist_ok=True)
    bounds = [*range(0, settings.num_steps, settings.segment_steps), settings.num_steps]
    paths = [partial / f"segment-{index:05d}.h5" for index in range(len(bounds) - 1)]
    done, state = _finished_segments(paths, identity, initial.device)
    if state is None:
        state = AdamState.initial(initial[None])
    else:
        logger.info("continuing from step %d", state.step)
    heartbeat = Heartbeat("training step", settings.num_steps, start=state.step)
    for index in range(done, len(paths)):
        end = bounds[index + 1]
        recording = _Recording(recorder, layout)
        while state.step < end:
            recording.note(state)
            state, loss = _advance(loss_fn, layout, batch_at, settings, state)
            if state.step % 50 == 0:
                heartbeat.beat(state.step, f"loss {loss:.4f}")
        if end == settings.num_steps:
            recording.note(state)
        recording.write(paths[index], state, identity)
    return paths


def _advance(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    batch_at: Callable[[int], Batch],
    settings: TrainingSettings,
    state: AdamState,
) -> tuple[AdamState, float]:
    batches = tuple(part[None] for part in batch_at(state.step))
    losses, gradients = stacked_losses_and_gradients(loss_fn, layout, state.vectors, batches)
    loss = losses.item()
    rate = settings.learning_rate(state.step)
    if not np.isfinite(loss):
        key = "learning_rate" if settings.warmup_fraction is None else "max_learning_rate"
        raise FloatingPointError(
            f"the loss is {loss} at step {state.step} with learning rate {rate:.3g}: "
            f"lower training.{key}"
        )
    return adam_update(state, gradients, rate, settings), loss


class _Recording:
    """Checkpoints and trajectory rows of one segment, in memory until it is written."""

    def __init__(self, recorder: Recorder, layout: ParameterLayout) -> None:
        self.recorder, self.layout = recorder, layout
        self.checkpoints: dict[int, np.ndarray] = {}
        self.trajectory: dict[int, np.ndarray] = {}

    def note(self, state: AdamState) -> None:
        if state.step in self.recorder.checkpoint_steps:
            self.checkpoints[state.step] = state.vectors[0].numpy(force=True).copy()
        if state.step in self.recorder.trajectory_steps:
            self.trajectory[state.step] = self.recorder.observe(state.vectors[0])

    def write(self, path: Path, state: AdamState, identity: str) -> None:
        with atomic_path(path) as temporary, h5py.File(temporary, "w") as handle:
            write_attributes(handle, {"identity": identity, "step": state.step})
            for name, rows in (("checkpoint", self.checkpoints), ("trajectory", self.trajectory)):
                handle[f"{name}/step"] = np.fromiter(rows, dtype=np.int64, count=len(rows))
                if rows:
                    handle[f"{name}/values"] = np.stack(list(rows.values()))
            handle["state/vectors"] = state.vectors.numpy(force=True)
            handle["state/first_moment"] = state.first_moment.numpy(force=True)
            handle["state/second_moment"] = state.second_moment.numpy(force=True)


def _finished_segments(
    paths: list[Path], identity: str, device: torch.device
) -> tuple[int, AdamState | None]:
    """Return how many leading segments are done and the state after them; drop foreign ones."""
    done = 0
    state = None
    for path in paths:
        try:
            with open_store(path, identity) as handle:
                fields = ("vectors", "first_moment", "second_moment")
                arrays = [torch.from_numpy(handle[f"state/{name}"][:]) for name in fields]
                tensors = [array.to(device) for array in arrays]
                state = AdamState(int(handle.attrs["step"]), *tensors)
        except StoreError:
            break
        done += 1
    for path in paths[done:]:
        path.unlink(missing_ok=True)
    return done, state
