"""Losses and gradients of stacked replicas as one pure function, which a compiler can take."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap

from stagewise.core.replicas import LossFunction, ParameterLayout

Evaluation = Callable[..., tuple[Tensor, Tensor]]
"""From vectors, shape (replica, parameter), and the parts of a batch, each (replica, ...), to losses,
shape (replica,), and their gradients."""


def evaluation(loss_fn: LossFunction, layout: ParameterLayout, serial: bool = False) -> Evaluation:
    """Return the losses and gradients of replicas as a function.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar`` for a single replica.
    layout : ParameterLayout
    serial : bool
        Whether replicas are evaluated one after the other, for a loss that cannot be stacked.

    Returns
    -------
    callable
        The same object for the same arguments where these can be told apart: it is compiled once.
    """
    try:
        return _known(loss_fn, layout, serial)
    except TypeError:  # a loss without a hash
        return _evaluation(loss_fn, layout, serial)


def _evaluation(loss_fn: LossFunction, layout: ParameterLayout, serial: bool) -> Evaluation:
    def single(vector: Tensor, *batch: Tensor) -> Tensor:
        return loss_fn(layout.unflatten(vector), batch)

    one = grad_and_value(single)

    def evaluate(vectors: Tensor, *batches: Tensor) -> tuple[Tensor, Tensor]:
        if serial or len(vectors) == 1:  # no vmap for one replica: it only costs
            rows = range(len(vectors))
            found = [one(vectors[row], *(part[row] for part in batches)) for row in rows]
            gradients, losses = map(torch.stack, zip(*found, strict=True))
        else:
            gradients, losses = vmap(one)(vectors, *batches)
        return losses, gradients

    return evaluate


_known = functools.lru_cache(maxsize=8)(_evaluation)
