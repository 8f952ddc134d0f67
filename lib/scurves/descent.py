"""Full-batch descent of many replicas as one tensor program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lib.scurves.tasks import Losses

Observer = Callable[[Tensor, Tensor], None]

Update = Callable[[Tensor, int], None]
"""Changes the vectors in place, from the gradient of the losses and the number of the update."""


def descend(
    losses_of: Losses,
    initial: Tensor,
    cases: Sequence[tuple[float, float]],
    optimiser: str,
    adam: Mapping[str, Any],
    steps: Sequence[int],
    observe: Observer,
) -> Tensor:
    """Minimise every replica's own loss from its own start.

    Replicas share nothing, so the gradient of the sum of losses is each one's own. Updates are those
    of torch's optimisers of the same names, written out: a job of seconds need not load the compiler
    that theirs bring along, and every case has its own learning rate and weight decay.

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
    update = _UPDATES[optimiser](vectors, *_per_case(cases, vectors), adam)
    wanted, last = set(steps), steps[-1]
    for step in range(last + 1):
        leaf = vectors.detach().requires_grad_()  # shares the memory that updates change
        losses = losses_of(leaf.flatten(0, 1))
        if step in wanted:
            observe(vectors, losses.detach().unflatten(0, vectors.shape[:2]))
        if step < last:
            (gradient,) = torch.autograd.grad(losses.sum(), leaf)
            update(gradient, step + 1)
    return vectors


def _per_case(cases: Sequence[tuple[float, float]], like: Tensor) -> tuple[Tensor, Tensor]:
    """Return learning rates and weight decays, each along the first axis of `like`."""
    shape = (len(cases), *(1 for _ in like.shape[1:]))
    rates, decays = like.new_tensor(cases).unbind(1)
    return rates.reshape(shape), decays.reshape(shape)


def _sgd(vectors: Tensor, rates: Tensor, decays: Tensor, adam: Mapping[str, Any]) -> Update:
    def update(gradient: Tensor, number: int) -> None:
        if decays.any():
            gradient = gradient + decays * vectors
        vectors.sub_(rates * gradient)

    return update


def _adam(vectors: Tensor, rates: Tensor, decays: Tensor, adam: Mapping[str, Any]) -> Update:
    """Weight decay, if any, is part of the gradient; see `_adamw`."""
    first, second = torch.zeros_like(vectors), torch.zeros_like(vectors)
    (beta1, beta2), epsilon = adam["betas"], adam["epsilon"]

    def update(gradient: Tensor, number: int) -> None:
        gradient = gradient + decays * vectors
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = (second / (1 - beta2**number)).sqrt_().add_(epsilon)
        vectors.sub_(rates / (1 - beta1**number) * first / scale)

    return update


def _adamw(vectors: Tensor, rates: Tensor, decays: Tensor, adam: Mapping[str, Any]) -> Update:
    """Weight decay shrinks the vectors and leaves the moments alone."""
    plain = _adam(vectors, rates, torch.zeros_like(decays), adam)

    def update(gradient: Tensor, number: int) -> None:
        vectors.mul_(1 - rates * decays)
        plain(gradient, number)

    return update


_UPDATES = {"sgd": _sgd, "adam": _adam, "adamw": _adamw}
