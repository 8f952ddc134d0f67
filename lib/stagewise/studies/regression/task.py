"""In-context linear regression data (Hoogland et al. 2024, section 5.1 and App. D).

``w ~ N(0, I)``, ``x_k ~ N(0, I)``, ``y_k = w.x_k + N(0, noise_variance)``, k = 1..K.
"""

from __future__ import annotations

import torch
from torch import Tensor

from stagewise.core.seeding import StreamKey
from stagewise.studies.regression.settings import TaskSettings


def task_set(settings: TaskSettings, key: StreamKey) -> Tensor | None:
    """Return the finite set of tasks, shape (num_tasks, dimension), or None if tasks are endless."""
    if settings.num_tasks is None:
        return None
    return torch.randn(
        settings.num_tasks, settings.dimension, generator=key.child("tasks").generator()
    )


def sample_contexts(
    settings: TaskSettings,
    num_contexts: int,
    generator: torch.Generator,
    tasks: Tensor | None = None,
    input_scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Draw contexts.

    Parameters
    ----------
    settings : TaskSettings
    num_contexts : int
    generator : torch.Generator
    tasks : Tensor, shape (num_tasks, dimension), optional
        Finite set of tasks to choose from; without it every context has a task of its own.
    input_scale : float
        Standard deviation g of the inputs' entries; training uses 1. The same generator gives the
        same tasks, noise and directions of the inputs at every scale.

    Returns
    -------
    inputs : Tensor, shape (num_contexts, num_examples, dimension)
    labels : Tensor, shape (num_contexts, num_examples)
    """
    device = generator.device
    if tasks is None:
        weights = torch.randn(num_contexts, settings.dimension, generator=generator, device=device)
    else:
        choice = torch.randint(len(tasks), (num_contexts,), generator=generator, device=device)
        weights = tasks.to(device)[choice]
    shape = (num_contexts, settings.num_examples)
    unit = torch.randn(*shape, settings.dimension, generator=generator, device=device)
    inputs = input_scale * unit
    noise = torch.randn(*shape, generator=generator, device=device)
    labels = (inputs @ weights.unsqueeze(-1)).squeeze(-1) + settings.noise_variance**0.5 * noise
    return inputs, labels


def constant_predictor_loss(settings: TaskSettings) -> float:
    """Return the loss of the best constant prediction, Var y = D + noise_variance."""
    return settings.dimension + settings.noise_variance


def ridge_predictions(inputs: Tensor, labels: Tensor, noise_variance: float) -> Tensor:
    """Return the Bayes-optimal predictions for endless tasks: ridge regression on the examples so far.

    Parameters
    ----------
    inputs : Tensor, shape (context, example, dimension)
    labels : Tensor, shape (context, example)
    noise_variance : float
        The ridge penalty that matches the prior N(0, I).

    Returns
    -------
    Tensor, shape (context, example)
        Prediction for example k from examples 1..k-1, in the inputs' precision.
    """
    dimension = inputs.shape[-1]
    penalty = noise_variance * torch.eye(dimension, dtype=inputs.dtype, device=inputs.device)
    predictions = torch.zeros_like(labels)
    for k in range(1, labels.shape[1]):
        seen, targets = inputs[:, :k], labels[:, :k, None]
        moments = seen.transpose(1, 2) @ seen + penalty
        weights = torch.linalg.solve(moments, seen.transpose(1, 2) @ targets)
        predictions[:, k] = (inputs[:, k, None, :] @ weights)[:, 0, 0]
    return predictions
