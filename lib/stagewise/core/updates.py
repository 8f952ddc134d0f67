"""Updates of stacked parameters, with a learning rate and a weight decay for each replica.

They are those of torch's optimisers of the same names, written out: replicas share a tensor and
differ in their rates, and a job of seconds need not load the compiler that torch's bring along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from stagewise.core.settings import OptimiserSettings

Numbers = Tensor | float
"""A number for each replica, float64, along the first axis of the vectors, or one for all."""


def numbers_of(values: Sequence[float], vectors: Tensor) -> Numbers:
    """Return a number for each replica; one for all, which costs less, if they are equal."""
    if len(set(values)) == 1:
        return values[0]
    numbers = torch.tensor(values, dtype=torch.float64, device=vectors.device)
    return numbers.reshape(-1, *(1 for _ in vectors.shape[1:]))


def part_of(numbers: Numbers, where: slice) -> Numbers:
    """Return the numbers of some replicas."""
    return numbers[where] if isinstance(numbers, Tensor) else numbers


class Update(Protocol):
    """The update of an optimiser."""

    moments: tuple[str, ...]
    """Names of its memory, tensors of the shape of the vectors that begin as zero."""

    def __call__(
        self,
        vectors: Tensor,
        gradients: Tensor,
        moments: Sequence[Tensor],
        number: int,
        rates: Numbers,
        decays: Numbers,
    ) -> None:
        """Make update `number`, from 1: change vectors and moments in place, overwrite the gradients.

        Parameters
        ----------
        vectors, gradients : Tensor, shape (replica, ...)
        moments : sequence of Tensor, each of shape (replica, ...)
        number : int
        rates, decays : Tensor, shape (replica, 1, ...), or float
            Learning rates and weight decays. With "adamw" the weights shrink by the product of the two;
            otherwise the decay is the coefficient of the weights in the gradient.
        """


def update_rule(settings: OptimiserSettings) -> Update:
    """Return the update of an optimiser."""
    return _Sgd(settings) if settings.name == "sgd" else _Adam(settings)


class _Sgd:
    def __init__(self, settings: OptimiserSettings) -> None:
        self.momentum = settings.momentum
        self.moments: tuple[str, ...] = ("momentum",) if self.momentum else ()

    def __call__(
        self,
        vectors: Tensor,
        gradients: Tensor,
        moments: Sequence[Tensor],
        number: int,
        rates: Numbers,
        decays: Numbers,
    ) -> None:
        if _are_some(decays):
            gradients.addcmul_(_like(decays, vectors), vectors)
        for momentum in moments:
            gradients = momentum.mul_(self.momentum).add_(gradients)
        vectors.addcmul_(_like(rates, vectors), gradients, value=-1)


class _Adam:
    """Kingma & Ba 2015, algorithm 1; with decoupled decay, Loshchilov & Hutter 2019, algorithm 2."""

    moments: tuple[str, ...] = ("first_moment", "second_moment")

    def __init__(self, settings: OptimiserSettings) -> None:
        self.betas, self.epsilon = settings.betas, settings.epsilon
        self.decoupled = settings.name == "adamw"

    def __call__(
        self,
        vectors: Tensor,
        gradients: Tensor,
        moments: Sequence[Tensor],
        number: int,
        rates: Numbers,
        decays: Numbers,
    ) -> None:
        first, second = moments
        beta1, beta2 = self.betas
        if _are_some(decays) and self.decoupled:
            vectors.mul_(_rounded(1 - rates * decays, vectors))
        elif _are_some(decays):
            gradients.addcmul_(_like(decays, vectors), vectors)
        first.lerp_(gradients, 1 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
        scale = torch.div(second, 1 - beta2**number, out=gradients).sqrt_().add_(self.epsilon)
        pace = rates / (1 - beta1**number)
        if isinstance(pace, Tensor):
            vectors.addcdiv_(first * _rounded(pace, vectors), scale, value=-1)
        else:
            vectors.addcdiv_(first, scale, value=-pace)


def _are_some(decays: Numbers) -> bool:
    """Return whether there is decay; tensors are taken to hold some."""
    return isinstance(decays, Tensor) or decays != 0


def _rounded(numbers: Numbers, vectors: Tensor) -> Numbers:
    """Return numbers in the precision of the vectors, which take plain ones as they are."""
    return numbers.to(vectors.dtype) if isinstance(numbers, Tensor) else numbers


def _like(numbers: Numbers, vectors: Tensor) -> Tensor:
    return torch.as_tensor(numbers, dtype=vectors.dtype, device=vectors.device)
