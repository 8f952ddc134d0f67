"""Updates of stacked parameters, with a learning rate and a weight decay for each replica.

They are those of torch's optimisers of the same names, written out: replicas share a tensor and
differ in their rates, and a job of seconds need not load the compiler that torch's bring along.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import torch
from torch import Tensor

from lib.modular.program import Program

Update = Callable[[Tensor, int], None]
"""Changes the vectors in place, from their gradients and the number of the update, from 1."""


def update_rule(program: Program, vectors: Tensor, rates: Tensor, decays: Tensor) -> Update:
    """Return the update of a program's optimiser; it overwrites the gradients.

    Parameters
    ----------
    program : Program
    vectors : Tensor, shape (replica, num_parameters)
        Changed in place by each update.
    rates, decays : Tensor, shape (replica, 1)
        Learning rates and weight decays.
    """
    rule = _sgd if program.optimiser == "sgd" else _adam
    return rule(program, vectors, rates, decays)


def _sgd(program: Program, vectors: Tensor, rates: Tensor, decays: Tensor) -> Update:
    velocity = torch.zeros_like(vectors) if program.momentum else None
    decaying = bool(decays.any())

    def update(gradients: Tensor, number: int) -> None:
        if decaying:
            gradients.addcmul_(decays, vectors)
        if velocity is not None:
            gradients = velocity.mul_(program.momentum).add_(gradients)
        vectors.addcmul_(rates, gradients, value=-1)

    return update


def _adam(program: Program, vectors: Tensor, rates: Tensor, decays: Tensor) -> Update:
    first, second = torch.zeros_like(vectors), torch.zeros_like(vectors)
    (beta1, beta2), epsilon = program.betas, program.epsilon
    decaying, decoupled = bool(decays.any()), program.optimiser == "adamw"
    kept = 1 - rates * decays

    def update(gradients: Tensor, number: int) -> None:
        if decaying and decoupled:
            vectors.mul_(kept)
        elif decaying:
            gradients.addcmul_(decays, vectors)
        first.lerp_(gradients, 1 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
        # Fraction expanded by sqrt(1 - beta2^t), so that the correction costs no pass of its own.
        correction = sqrt(1 - beta2**number)
        scale = torch.sqrt(second, out=gradients).add_(epsilon * correction)
        pace = rates * (correction / (1 - beta1**number))
        vectors.addcdiv_(first * pace, scale, value=-1)

    return update
