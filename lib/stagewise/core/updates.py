"""Updates of stacked parameters, with a learning rate and a weight decay for each replica.

They are those of torch's optimisers of the same names, written out: replicas share a tensor and
differ in their rates, and a job of seconds need not load the compiler that torch's bring along.
"""

from __future__ import annotations

from math import sqrt
from typing import Protocol

import torch
from torch import Tensor

from stagewise.core.settings import OptimiserSettings


class Update(Protocol):
    """Changes vectors in place; `moments` are its memory, the first ones to save for resuming."""

    moments: tuple[Tensor, ...]

    def __call__(self, gradients: Tensor, number: int) -> None:
        """Make update `number`, from 1, and overwrite the gradients."""


def update_rule(
    settings: OptimiserSettings, vectors: Tensor, rates: Tensor, decays: Tensor
) -> Update:
    """Return the update of an optimiser.

    Parameters
    ----------
    settings : OptimiserSettings
    vectors : Tensor, shape (replica, ...)
        Changed in place by each update.
    rates, decays : Tensor, shape (replica, 1, ...)
        Learning rates and weight decays, along the first axis of the vectors. With "adamw" the weights
        shrink by the product of the two; otherwise the decay is the coefficient of the weights in the
        gradient.
    """
    rule = _Sgd if settings.name == "sgd" else _Adam
    return rule(settings, vectors, rates, decays)


class _Sgd:
    def __init__(
        self, settings: OptimiserSettings, vectors: Tensor, rates: Tensor, decays: Tensor
    ) -> None:
        self.vectors, self.rates, self.decays = vectors, rates, decays
        self.momentum, self.decaying = settings.momentum, bool(decays.any())
        self.moments: tuple[Tensor, ...] = ()
        if self.momentum:
            self.moments = (torch.zeros_like(vectors),)

    def __call__(self, gradients: Tensor, number: int) -> None:
        if self.decaying:
            gradients.addcmul_(self.decays, self.vectors)
        if self.moments:
            gradients = self.moments[0].mul_(self.momentum).add_(gradients)
        self.vectors.addcmul_(self.rates, gradients, value=-1)


class _Adam:
    """Kingma & Ba 2015, algorithm 1; with decoupled decay, Loshchilov & Hutter 2019, algorithm 2."""

    def __init__(
        self, settings: OptimiserSettings, vectors: Tensor, rates: Tensor, decays: Tensor
    ) -> None:
        self.vectors, self.rates, self.decays = vectors, rates, decays
        self.betas, self.epsilon = settings.betas, settings.epsilon
        self.moments: tuple[Tensor, ...] = (
            torch.zeros_like(vectors),
            torch.zeros_like(vectors),
        )
        self.decaying, self.decoupled = bool(decays.any()), settings.name == "adamw"
        self.kept = 1 - rates * decays

    def __call__(self, gradients: Tensor, number: int) -> None:
        first, second = self.moments
        beta1, beta2 = self.betas
        if self.decaying and self.decoupled:
            self.vectors.mul_(self.kept)
        elif self.decaying:
            gradients.addcmul_(self.decays, self.vectors)
        first.lerp_(gradients, 1 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
        # Fraction expanded by sqrt(1 - beta2^t), so that the correction costs no pass of its own.
        correction = sqrt(1 - beta2**number)
        scale = torch.sqrt(second, out=gradients).add_(self.epsilon * correction)
        pace = self.rates * (correction / (1 - beta1**number))
        self.vectors.addcdiv_(first * pace, scale, value=-1)
