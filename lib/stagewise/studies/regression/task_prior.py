"""Networks on finite sets of tasks, trained side by side: what they predict on the way (Fig. 26).

Each network chooses the task of a context from M tasks, drawn once. Networks of one seed share initial
parameters, inputs and label noise, and a small set of tasks is the beginning of a large one: they differ
in M alone. Their predictions are compared with 0, with those of the mean task, and with two optimal
predictors: ridge regression for endless tasks, and the discrete MMSE predictor for the M tasks, the
posterior mean

    sum_m p_m w_m'x_k,    p_m ~ exp(-sum_(j<k) (y_j - w_m'x_j)^2 / (2 sigma^2))

(Raventos et al. 2023, section 2; Hoogland et al. 2024, App. D.2.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
import xarray as xr
from torch import Tensor

from stagewise.core.descent import Descent
from stagewise.core.replicas import Batch, ParameterLayout, Params, stacked_losses_and_gradients
from stagewise.core.schedules import checkpoint_steps
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import OptimiserSettings
from stagewise.core.training import Journal, Recorder, gathered, train
from stagewise.studies.regression.model import (
    initial_parameters,
    mean_squared_error,
    predictions,
)
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task import ridge_predictions
from stagewise.studies.regression.task_prior_layout import REFERENCES, TASK_PRIOR
from stagewise.studies.regression.task_prior_settings import TaskPriorSettings

AT_A_TIME = 64
"""Contexts of each network that are evaluated together."""


def nested_contexts(
    task: TaskSettings,
    tasks: Tensor,
    sizes: Sequence[int],
    num_contexts: int,
    generator: torch.Generator,
) -> Batch:
    """Draw contexts that differ in the number of tasks alone.

    Parameters
    ----------
    task : TaskSettings
    tasks : Tensor, shape (num_tasks, D)
    sizes : sequence of int
        A context chooses among as many of the first tasks, by the same number in [0, 1).
    num_contexts : int
    generator : torch.Generator

    Returns
    -------
    inputs : Tensor, shape (size, context, K, D)
    labels : Tensor, shape (size, context, K)
    """
    device, shape = generator.device, (num_contexts, task.num_examples)
    number = torch.rand(num_contexts, generator=generator, device=device, dtype=torch.float64)
    inputs = torch.randn(*shape, task.dimension, generator=generator, device=device)
    noise = torch.randn(*shape, generator=generator, device=device)
    weights = torch.stack([tasks[(number * size).long()] for size in sizes])
    labels = (inputs @ weights.unsqueeze(-1)).squeeze(-1) + task.noise_variance**0.5 * noise
    return inputs.expand(len(sizes), *inputs.shape), labels


def mmse_predictions(
    inputs: Tensor, labels: Tensor, tasks: Tensor, noise_variance: float, chunk: int = 1024
) -> Tensor:
    """Return the Bayes-optimal predictions for a finite set of tasks, each as likely.

    Parameters
    ----------
    inputs : Tensor, shape (context, example, dimension)
    labels : Tensor, shape (context, example)
    tasks : Tensor, shape (task, dimension)
    noise_variance : float
    chunk : int
        Tasks that are looked at together; no effect on the result beyond rounding.

    Returns
    -------
    Tensor, shape (context, example)
        Prediction for example k from examples 1..k-1, in the inputs' precision.
    """
    top = torch.full_like(labels, -torch.inf)
    total, answer = torch.zeros_like(labels), torch.zeros_like(labels)
    for some in tasks.split(chunk):
        answers = inputs @ some.T
        squares = (labels.unsqueeze(-1) - answers).square()
        seen = F.pad(squares.cumsum(1)[:, :-1], (0, 0, 1, 0))
        logit = seen / (-2 * noise_variance)
        higher = torch.maximum(top, logit.amax(-1))
        kept, weight = (top - higher).exp(), (logit - higher.unsqueeze(-1)).exp()
        total = total * kept + weight.sum(-1)
        answer = answer * kept + (weight * answers).sum(-1)
        top = higher
    return answer / total


class Sweep:
    """All networks, as replicas: those of the first seed by number of tasks, then those of the next.

    Parameters
    ----------
    task : TaskSettings
        But for its number of tasks.
    network : NetworkSettings
    settings : TaskPriorSettings
    root_seed : int
    device : str
        "cpu" or "cuda".
    """

    def __init__(
        self,
        task: TaskSettings,
        network: NetworkSettings,
        settings: TaskPriorSettings,
        root_seed: int,
        device: str,
    ) -> None:
        self.task, self.network, self.settings, self.device = task, network, settings, device
        self.keys = [
            StreamKey(root_seed, ("regression", "task_prior", seed)) for seed in settings.seeds
        ]
        shape = max(settings.num_tasks), task.dimension
        self.tasks = [
            torch.randn(*shape, generator=key.child("tasks").generator()).to(device)
            for key in self.keys
        ]
        """The largest set of each seed, shape (num_tasks, D)."""
        initial = [initial_parameters(network, task, key) for key in self.keys]
        self.layout = ParameterLayout.of(initial[0])
        vectors = torch.stack([self.layout.flatten(params) for params in initial])
        self.initial = vectors.repeat_interleave(len(settings.num_tasks), dim=0).to(device)

    def contexts(self, purpose: str, count: int, *number: int) -> Batch:
        """Return contexts of every network, inputs and labels of shape (replica, context, ...)."""
        drawn = [
            nested_contexts(
                self.task,
                tasks,
                self.settings.num_tasks,
                count,
                key.child(purpose, *number).generator(self.device),
            )
            for key, tasks in zip(self.keys, self.tasks, strict=True)
        ]
        inputs, labels = zip(*drawn, strict=True)
        return torch.cat(inputs), torch.cat(labels)

    def loss(self, params: Params, batch: Batch) -> Tensor:
        """Return the training loss of one network."""
        return mean_squared_error(params, self.network, batch)

    def descent(self) -> Descent:
        """Return the descent of all networks; one that diverges leaves the others alone."""
        training, vectors = self.settings.training, self.initial.clone()

        def gradients_at(step: int) -> tuple[Tensor, Tensor]:
            batches = self.contexts("batch", training.batch_size, step)
            return stacked_losses_and_gradients(self.loss, self.layout, vectors, batches)

        optimiser = OptimiserSettings("adam", betas=training.betas, epsilon=training.epsilon)
        groups = [(slice(None), gradients_at)]
        return Descent(vectors, groups, optimiser, training.learning_rate)

    @torch.no_grad()
    def predictions(self, vectors: Tensor, contexts: Batch) -> Tensor:
        """Return the predictions of every network on its contexts, shape (replica, context, K)."""

        def single(vector: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
            return predictions(self.layout.unflatten(vector), self.network, inputs, labels)

        pieces = zip(*(part.split(AT_A_TIME, dim=1) for part in contexts), strict=True)
        return torch.cat([torch.func.vmap(single)(vectors, *piece) for piece in pieces], dim=1)


class References:
    """What networks are compared with, on fixed contexts of each network's own tasks."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self.contexts = sweep.contexts("evaluation", sweep.settings.num_contexts)
        inputs, labels = (part.double() for part in self.contexts)
        noise_variance = sweep.task.noise_variance
        sets = [tasks[:size] for tasks in sweep.tasks for size in sweep.settings.num_tasks]
        own = [tasks.double() for tasks in sets]
        self.predicted = {
            "zero": torch.zeros_like(labels),
            "mean_task": torch.stack([x @ w.mean(0) for x, w in zip(inputs, own, strict=True)]),
            "ridge": torch.stack(
                [
                    ridge_predictions(x, y, noise_variance)
                    for x, y in zip(inputs, labels, strict=True)
                ]
            ),
            "mmse": torch.stack(
                [
                    mmse_predictions(x, y, w, noise_variance)
                    for x, y, w in zip(inputs, labels, own, strict=True)
                ]
            ),
        }
        """By name, shape (replica, context, K), in double precision."""

    def compared(self, predicted: Tensor) -> dict[str, np.ndarray]:
        """Return loss and distances of predictions with their standard errors, shape (replica,)."""
        targets = {f"distance_to_{name}": values for name, values in self.predicted.items()}
        values = {}
        for name, target in {"test_loss": self.contexts[1], **targets}.items():
            each = (predicted - target).square().mean(2)
            values[name] = each.mean(1).numpy(force=True)
            error = each.std(1) / each.shape[1] ** 0.5
            values[f"{name}_stderr"] = error.numpy(force=True)
        return values

    def fixed(self) -> dict[str, np.ndarray]:
        """Return what does not depend on networks, shape (replica,)."""
        losses = {
            f"{name}_loss": (values - self.contexts[1]).square().mean((1, 2)).numpy(force=True)
            for name, values in self.predicted.items()
        }
        apart = (self.predicted["mmse"] - self.predicted["ridge"]).square().mean((1, 2))
        return losses | {"mmse_to_ridge": apart.numpy(force=True)}


def along_training(sweep: Sweep, journal: Journal) -> xr.Dataset:
    """Train all networks and compare them on the way; layout `task_prior_layout.TASK_PRIOR`."""
    settings, references = sweep.settings, References(sweep)

    def observe(descent: Descent, step: int) -> dict[str, np.ndarray]:
        predicted = sweep.predictions(descent.vectors, references.contexts)
        return references.compared(predicted.double())

    num_steps = settings.training.num_steps
    steps = checkpoint_steps(
        num_steps, settings.records.num_linear, settings.records.num_logarithmic
    )
    train(sweep.descent(), num_steps, [Recorder(set(steps.tolist()), observe)], journal)
    grid = len(settings.seeds), len(settings.num_tasks)
    names = ["test_loss", *(f"distance_to_{name}" for name in REFERENCES)]
    names += [f"{name}_stderr" for name in names]
    recorded = {name: gathered(journal, name)[1].reshape(-1, *grid) for name in names}
    fixed = {name: values.reshape(grid) for name, values in references.fixed().items()}
    return TASK_PRIOR.dataset(
        recorded | fixed,
        {
            "step": xr.Variable("step", steps, {"units": "updates"}),
            "seed": list(settings.seeds),
            "num_tasks": list(settings.num_tasks),
        },
        {"num_contexts": settings.num_contexts},
    )
