"""One run of the modular-addition study: its data, its training, its checkpoints."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch

from lib.modular.model import NetworkSettings, cross_entropy, frozen_names, initial_parameters
from lib.modular.task import TaskSettings, split
from lib.replicas import Batch, ParameterLayout, Params
from lib.seeding import StreamKey


@dataclass(frozen=True)
class TrainingSettings:
    """Adam at a constant learning rate, with weight decay added to the gradient.

    Parameters
    ----------
    num_steps : int
        Number of updates T.
    batch_size : int
        Pairs in a batch, drawn with replacement.
    learning_rate : float
    weight_decay : float
        Coefficient of the weights in the gradient.
    """

    num_steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True)
class ModularRun:
    """A run's settings and the functions that they define.

    Parameters
    ----------
    task : TaskSettings
    network : NetworkSettings
    training : TrainingSettings
    key : StreamKey
        Key above all streams of this run.
    """

    task: TaskSettings
    network: NetworkSettings
    training: TrainingSettings
    key: StreamKey

    def data(self) -> tuple[Batch, Batch]:
        """Return the training and the test set."""
        return split(self.task, self.key)

    def loss(self, params: Params, batch: Batch) -> torch.Tensor:
        """Return the training loss of a batch."""
        return cross_entropy(params, self.network, batch)

    def train(self, steps: Collection[int]) -> dict[int, Params]:
        """Train the network and return its parameters at some steps, in the order of time.

        Parameters
        ----------
        steps : collection of int
            From 0 to num_steps; step s is the state after s updates.

        Raises
        ------
        FloatingPointError
            If the loss stops being finite.
        """
        data, _ = self.data()
        initial = initial_parameters(self.network, self.task, self.key)
        frozen = {name: initial[name] for name in frozen_names(self.network, initial)}
        layout = ParameterLayout.of({n: v for n, v in initial.items() if n not in frozen})
        vector = layout.flatten(initial).requires_grad_()
        optimiser = torch.optim.Adam(
            [vector], self.training.learning_rate, weight_decay=self.training.weight_decay
        )
        kept = {}
        for step in range(self.training.num_steps + 1):
            if step in steps:
                kept[step] = initial | layout.unflatten(vector.detach().clone())
            if step == self.training.num_steps:
                break
            generator = self.key.child("batch", step).generator()
            rows = torch.randint(len(data[0]), (self.training.batch_size,), generator=generator)
            params = layout.unflatten(vector) | frozen
            loss = self.loss(params, tuple(part[rows] for part in data))
            if not torch.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss.item()} at step {step}: lower learning_rate"
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return kept
