"""One network trained on its own: a descent of one replica, its checkpoints and its trajectory."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stagewise.core.descent import Descent
from stagewise.core.precision import multiplied_in
from stagewise.core.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    Params,
    stacked_losses_and_gradients,
)
from stagewise.core.settings import OptimiserSettings, TrainingSettings
from stagewise.core.training import Journal, Recorder


@dataclass(frozen=True)
class NetworkTraining:
    """A network at the start of its training, and what is kept of it.

    Parameters
    ----------
    layout : ParameterLayout
    descent : Descent
    observe : callable
        ``observe(params) -> ndarray, shape (feature,)``: a row of the trajectory in function space; its
        type is the trajectory's.
    replica : int
        Which replica of the descent the network is.
    """

    layout: ParameterLayout
    descent: Descent
    observe: Callable[[Params], np.ndarray]
    replica: int = 0

    def named(self, kept: str) -> str:
        """Return the name under which a journal holds what is kept of this network."""
        return f"{kept}-{self.replica}" if self.replica else kept

    @property
    def divergence(self) -> str:
        """Why there is no trained network, where others went on without it; else nothing."""
        step = int(self.descent.diverged_step[self.replica])
        told = f"the loss is not finite at step {step}: lower training.max_learning_rate"
        return told if step >= 0 else ""

    def recorders(
        self, checkpoint_steps: Collection[int], trajectory_steps: Collection[int]
    ) -> tuple[Recorder, Recorder]:
        """Return what keeps the parameters, and the rows of the trajectory, at some steps."""

        def checkpoint(descent: Descent, step: int) -> dict[str, np.ndarray]:
            vector = descent.vectors[self.replica]
            return {self.named("checkpoint"): vector.numpy(force=True).copy()}

        def row(descent: Descent, step: int) -> dict[str, np.ndarray]:
            params = self.layout.unflatten(descent.vectors[self.replica])
            return {self.named("trajectory"): self.observe(params)}

        return Recorder(set(checkpoint_steps), checkpoint), Recorder(set(trajectory_steps), row)

    def checkpoints(self, journal: Journal) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Return steps and named parameters of the checkpoints in a journal."""
        for steps, vectors in journal.blocks(self.named("checkpoint")):
            for step, vector in zip(steps.tolist(), torch.from_numpy(vectors), strict=True):
                yield step, {n: v.numpy() for n, v in self.layout.unflatten(vector).items()}

    def optimiser_state(self) -> dict[str, np.ndarray]:
        """Return the optimiser's memory, each of shape (parameter,)."""
        moments = self.descent.moments.items()
        return {name: values[self.replica].numpy(force=True) for name, values in moments}


def network_descent(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    initial: Tensor,
    batch_at: Callable[[int], Batch],
    settings: TrainingSettings,
) -> Descent:
    """Return the descent of one network; a loss that is not finite raises `FloatingPointError`.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``.
    layout : ParameterLayout
    initial : Tensor, shape (parameter,)
    batch_at : callable
        ``batch_at(step) -> batch`` of the update from `step` to `step` + 1.
    settings : TrainingSettings
    """
    vectors = initial[None].clone()

    def gradients_at(step: int) -> tuple[Tensor, Tensor]:
        batches = tuple(part[None] for part in batch_at(step))
        with multiplied_in(settings.precision, vectors.device):
            return stacked_losses_and_gradients(loss_fn, layout, vectors, batches)

    optimiser = OptimiserSettings("adamw", betas=settings.betas, epsilon=settings.epsilon)
    groups = [(slice(None), gradients_at)]
    refuse = functools.partial(refuse_loss, settings)
    return Descent(
        vectors, groups, optimiser, settings.learning_rate, settings.weight_decay, refuse
    )


def refuse_loss(settings: TrainingSettings, step: int, loss: float) -> None:
    """Raise `FloatingPointError` at a loss that is not finite, with what to change."""
    key = "learning_rate" if settings.warmup_fraction is None else "max_learning_rate"
    raise FloatingPointError(
        f"the loss is {loss} at step {step} with learning rate "
        f"{settings.learning_rate(step):.3g}: lower training.{key}"
    )
