"""Replicas: many parameter vectors stacked along one leading axis, and one function over them.

A network's parameters are one flat vector; a replica axis in front of it holds seeds, SGLD chains or
checkpoints alike. Named tensors are views of the vector, so updates are a handful of operations on
one tensor, whatever the network's depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

Batch = tuple[Tensor, ...]
Params = dict[str, Tensor]
LossFunction = Callable[[Params, Batch], Tensor]


@dataclass(frozen=True)
class ParameterLayout:
    """Names and shapes of a network's parameters, in the order in which they fill the vector.

    Parameters
    ----------
    names : tuple of str
    shapes : tuple of tuple of int
    """

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, params: Mapping[str, Tensor]) -> ParameterLayout:
        """Return the layout of named parameters."""
        return cls(tuple(params), tuple(tuple(value.shape) for value in params.values()))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of entries of each parameter."""
        return tuple(prod(shape) for shape in self.shapes)

    @property
    def num_parameters(self) -> int:
        """Length of the vector."""
        return sum(self.sizes)

    def flatten(self, params: Mapping[str, Tensor]) -> Tensor:
        """Return named parameters as one vector, shape (..., num_parameters)."""
        return torch.cat(
            [
                params[name].reshape(*params[name].shape[: params[name].ndim - len(shape)], -1)
                for name, shape in zip(self.names, self.shapes, strict=True)
            ],
            dim=-1,
        )

    def unflatten(self, vector: Tensor) -> Params:
        """Return views of a vector, shape (..., num_parameters), as named parameters."""
        return {
            name: part.unflatten(-1, shape) if shape else part.squeeze(-1)
            for name, part, shape in zip(
                self.names, vector.split(self.sizes, dim=-1), self.shapes, strict=True
            )
        }


def device_of(params: Mapping[str, Tensor]) -> torch.device:
    """Return the device that parameters are on."""
    return next(iter(params.values())).device


def stacked_losses(
    loss_fn: LossFunction, layout: ParameterLayout, vectors: Tensor, batches: Batch
) -> Tensor:
    """Evaluate a loss on every replica's own parameters and batch.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar`` for a single replica.
    layout : ParameterLayout
    vectors : Tensor, shape (replica, num_parameters)
    batches : tuple of Tensor, each of shape (replica, ...)

    Returns
    -------
    Tensor, shape (replica,)
    """
    if len(vectors) == 1:  # no vmap for one replica: it only costs
        return loss_fn(layout.unflatten(vectors[0]), tuple(part[0] for part in batches))[None]
    return torch.func.vmap(lambda vector, *batch: loss_fn(layout.unflatten(vector), batch))(
        vectors, *batches
    )


def stacked_losses_and_gradients(
    loss_fn: LossFunction, layout: ParameterLayout, vectors: Tensor, batches: Batch
) -> tuple[Tensor, Tensor]:
    """Evaluate a loss and its gradient on every replica.

    Replicas share nothing, so the gradient of the sum of losses is each replica's own. A loss that has a
    ``loss_and_gradient(params, batch)`` takes its gradient itself, one replica at a time.

    Returns
    -------
    losses : Tensor, shape (replica,), detached
    gradients : Tensor, shape (replica, num_parameters)
    """
    if hasattr(loss_fn, "loss_and_gradient"):
        if len(vectors) > 1:
            raise RuntimeError("its gradient is taken one chain at a time")
        (vector,), batch = vectors, tuple(part[0] for part in batches)
        loss, gradient = loss_fn.loss_and_gradient(layout.unflatten(vector), batch)
        return loss[None], layout.flatten(gradient)[None]
    leaf = vectors.detach().requires_grad_()
    losses = stacked_losses(loss_fn, layout, leaf, batches)
    (gradients,) = torch.autograd.grad(losses.sum(), leaf)
    return losses.detach(), gradients


@torch.no_grad()
def sample_losses(
    loss_fn: LossFunction, layout: ParameterLayout, vector: Tensor, data: Batch, chunk: int = 1024
) -> Tensor:
    """Return each sample's own loss, shape (sample,), for one parameter vector.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``, evaluated on batches of one sample.
    layout : ParameterLayout
    vector : Tensor, shape (num_parameters,)
    data : tuple of Tensor, each of shape (sample, ...)
    chunk : int
        Samples evaluated at a time.
    """
    params = layout.unflatten(vector)

    def single(*sample: Tensor) -> Tensor:
        return loss_fn(params, tuple(part[None] for part in sample))

    chunks = zip(*(part.split(chunk) for part in data), strict=True)
    return torch.cat([torch.func.vmap(single)(*parts) for parts in chunks])
