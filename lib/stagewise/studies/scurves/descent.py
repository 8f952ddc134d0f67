"""Full-batch descent of many replicas as one tensor program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from stagewise.core.settings import Optimiser, OptimiserSettings
from stagewise.core.updates import Update, numbers_of
from stagewise.studies.scurves.tasks import Losses

Observer = Callable[[Tensor, Tensor], None]


def descend(
    losses_of: Losses,
    initial: Tensor,
    cases: Sequence[tuple[float, float]],
    optimiser: Optimiser,
    adam: Mapping[str, Any],
    steps: Sequence[int],
    observe: Observer,
) -> Tensor:
    """Minimise every replica's own loss from its own start.

    Replicas share nothing, so the gradient of the sum of losses is each one's own.

    Parameters
    ----------
    losses_of : callable
        From vectors, shape (case * seed, component, rank, dimension), to losses (case * seed,).
    initial : Tensor, shape (seed, component, rank, dimension)
        Where every case begins.
    cases : sequence of (learning rate, weight decay)
    optimiser : str
        "sgd", "adam" or "adamw".
    adam : mapping
        ``betas`` and ``epsilon`` of Adam.
    steps : sequence of int
        Ascending; the last one is the number of updates.
    observe : callable
        Called with vectors (case, seed, component, rank, dimension) and losses (case, seed) at each
        of the steps, in order.

    Returns
    -------
    Tensor, shape (case, seed, component, rank, dimension)
        The vectors after the last step.
    """
    vectors = initial.expand(len(cases), *initial.shape).clone()
    settings = OptimiserSettings(
        optimiser, betas=tuple(adam["betas"]), epsilon=float(adam["epsilon"])
    )
    update = Update(settings)
    moments = [torch.zeros_like(vectors) for _ in update.moments]
    rates, decays = (numbers_of(values, vectors) for values in zip(*cases, strict=True))
    wanted, last = set(steps), steps[-1]
    for step in range(last + 1):
        leaf = vectors.detach().requires_grad_()  # shares the memory that updates change
        losses = losses_of(leaf.flatten(0, 1))
        if step in wanted:
            observe(vectors, losses.detach().unflatten(0, vectors.shape[:2]))
        if step < last:
            (gradient,) = torch.autograd.grad(losses.sum(), leaf)
            update(vectors, gradient, moments, step + 1, rates, decays)
    return vectors
