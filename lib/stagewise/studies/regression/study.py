"""One run of the regression study: its settings as dataclasses, its network, data and streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from stagewise.core.devices import require_device
from stagewise.core.entries import build
from stagewise.core.replicas import Batch, LossFunction, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.studies.regression.model import (
    initial_parameters,
    mean_squared_error,
    outputs,
    prefix_squared_error,
)
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import sample_contexts, task_set


@dataclass(frozen=True)
class RegressionRun:
    """A run's settings and the functions that they define.

    Parameters
    ----------
    name : str
        Run id; names the run's random streams.
    training : TrainingSettings
    root_seed : int
    device : str
        "cpu" or "cuda".
    task : TaskSettings
    network : NetworkSettings
    """

    name: str
    training: TrainingSettings
    root_seed: int
    device: str
    task: TaskSettings
    network: NetworkSettings

    @classmethod
    def of(
        cls, name: str, settings: Mapping[str, Any], root_seed: int, device: str
    ) -> RegressionRun:
        """Build a run from plain settings (keys task, network, training).

        Raises
        ------
        RuntimeError
            If the device is cuda and there is none.
        """
        require_device(device)
        return cls(
            name,
            build(TrainingSettings, settings["training"]),
            root_seed,
            device,
            TaskSettings(**settings["task"]),
            NetworkSettings(**settings["network"]),
        )

    @property
    def key(self) -> StreamKey:
        """Key above all streams of this run."""
        return StreamKey(self.root_seed, ("regression", self.name))

    def tasks(self) -> Tensor | None:
        """Return the run's finite set of tasks, if it has one."""
        return task_set(self.task, self.key)

    def initial(self) -> Params:
        """Return the parameters before training."""
        params = initial_parameters(self.network, self.task, self.key)
        return {name: value.to(self.device) for name, value in params.items()}

    def training_batch(self, step: int, tasks: Tensor | None) -> Batch:
        """Return the batch of the update from `step` to `step` + 1."""
        generator = self.key.child("batch", step).generator(self.device)
        return sample_contexts(self.task, self.training.batch_size, generator, tasks)

    def training_block(self, number: int, count: int, tasks: Tensor | None) -> Batch:
        """Return the batches of the `count` steps of a block, drawn at once: (step, context, ...)."""
        generator = self.key.child("batch", "block", number).generator(self.device)
        size = self.training.batch_size
        drawn = sample_contexts(self.task, count * size, generator, tasks)
        return tuple(part.to(self.device).unflatten(0, (count, size)) for part in drawn)

    def fixed_contexts(self, purpose: str, count: int, input_scale: float = 1.0) -> Batch:
        """Return a fixed set of contexts; the same for all runs whose tasks are endless."""
        generator = StreamKey(self.root_seed, ("regression", purpose)).generator(self.device)
        return sample_contexts(self.task, count, generator, self.tasks(), input_scale)

    def loss(self, params: Params, batch: Batch) -> Tensor:
        """Return the training loss of a batch."""
        return mean_squared_error(params, self.network, batch)

    def llc_target(self, loss: str, num_samples: int) -> tuple[LossFunction, Batch]:
        """Return the loss whose LLC is estimated, and the fixed samples that define L_n.

        Parameters
        ----------
        loss : {"all_positions", "random_prefix"}
            "all_positions" is loss-based, the training loss; "random_prefix" is likelihood-based, one
            label a context at a random prefix length k ~ U{1..K} (Hoogland et al. 2024, A.3, Fig. 8).
        num_samples : int
            n. Both losses are measured on the same contexts.

        Raises
        ------
        ValueError
            If there is no such loss.

        Notes
        -----
        The prefix lengths are part of the samples, drawn once from a stream of their own, so that L_n
        is a fixed function of the parameters.
        """
        contexts = self.fixed_contexts("llc-samples", num_samples)
        if loss == "all_positions":
            return self.loss, contexts
        if loss != "random_prefix":
            raise ValueError(f"loss must be 'all_positions' or 'random_prefix', not {loss!r}")
        generator = StreamKey(self.root_seed, ("regression", "llc-prefixes")).generator(self.device)
        prefix = torch.randint(
            1,
            self.task.num_examples + 1,
            (num_samples,),
            generator=generator,
            device=self.device,
        )
        return self.prefix_loss, (*contexts, prefix)

    def prefix_loss(self, params: Params, batch: Batch) -> Tensor:
        """Return the likelihood-based loss of a batch that carries its prefix lengths."""
        return prefix_squared_error(params, self.network, batch)

    @torch.no_grad()
    def function_vector(self, params: Params, contexts: Batch) -> np.ndarray:
        """Return all outputs on fixed contexts as one vector, float32, shape (feature,)."""
        return outputs(params, self.network, *contexts).flatten().numpy(force=True)
