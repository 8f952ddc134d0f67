"""The descent of stacked modular-addition networks: their gradients, and who is computed together."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from stagewise.core.descent import Descent, GradientFunction
from stagewise.core.replicas import ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.updates import numbers_of
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.stacked import (
    AT_ONCE,
    BatchRows,
    Pairs,
    frozen_names,
    stacked_logits,
    stacked_losses,
)


def stacked_descent(
    program: Program,
    replicas: Sequence[Replica],
    keys: Sequence[StreamKey],
    pairs: Pairs,
    initial: Params,
) -> Descent:
    """Return the descent of the replicas of a program, in groups that stay in the processor's cache.

    Parameters
    ----------
    program : Program
    replicas : sequence of Replica
    keys : sequence of StreamKey
        Of each replica.
    pairs : Pairs, each of shape (replica, p^2)
        The training set first.
    initial : dict of str to Tensor, each of shape (replica, ...)
    """
    vectors = _free_layout(program, initial).flatten(initial)
    params = all_parameters(program, initial, vectors)
    num_train = program.task.num_train
    together = max(1, AT_ONCE // ((program.batch_size or num_train) * program.task.modulus))
    size = ceil(len(replicas) / ceil(len(replicas) / together))  # groups as even as can be
    groups = []
    for first in range(0, len(replicas), size):
        some = slice(first, first + size)
        own = {name: values[some] for name, values in params.items()}
        train_set = pairs.part(some, slice(num_train))
        groups.append((some, _gradients(program, keys[some], train_set, own)))
    rates = numbers_of([replica.learning_rate for replica in replicas], vectors)
    decays = numbers_of([replica.weight_decay for replica in replicas], vectors)
    return Descent(
        vectors,
        groups,
        program.update_settings,
        lambda step: rates,
        decays,
    )


def all_parameters(program: Program, initial: Params, vectors: Tensor) -> Params:
    """Return named parameters, shape (replica, ...), the frozen ones as they began.

    Parameters
    ----------
    program : Program
    initial : dict of str to Tensor, each of shape (replica, ...)
    vectors : Tensor, shape (replica, parameter)
        Of a descent.
    """
    return initial | _free_layout(program, initial).unflatten(vectors)


def _free_layout(program: Program, initial: Params) -> ParameterLayout:
    frozen = frozen_names(program.network, initial)
    return ParameterLayout.of({n: v[0] for n, v in initial.items() if n not in frozen})


def _gradients(
    program: Program,
    keys: Sequence[StreamKey],
    train_set: Pairs,
    params: Params,
) -> GradientFunction:
    # Those that are not frozen are views of vectors, which updates change.
    layout = _free_layout(program, params)
    size, num_train = program.batch_size, program.task.num_train
    rows = None if size is None else BatchRows(keys, num_train, size)

    def gradients_at(step: int) -> tuple[Tensor, Tensor]:
        batch = train_set if rows is None else train_set.rows(rows.at(step))
        leaves = {
            name: params[name].detach().contiguous().requires_grad_() for name in layout.names
        }
        outputs = stacked_logits(params | leaves, program.network, batch.left, batch.right)
        losses = stacked_losses(outputs, batch.labels, program.loss)
        # Replicas share nothing, so the gradient of the sum of losses is each one's own.
        gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
        return losses.detach(), layout.flatten(dict(zip(leaves, gradients, strict=True)))

    return gradients_at
