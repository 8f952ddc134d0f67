"""Agreement of gradients: whether samples pull in the same direction (seed 002, claim G12).

Before a circuit forms, the gradients of different samples are mostly noise to it; once it forms, they
share a direction. Gradients are per sample, by torch.func, a chunk of samples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan, sqrt

import torch
from torch import Tensor

from lib.replicas import Batch, LossFunction, ParameterLayout


@dataclass(frozen=True)
class UnitGradients:
    """The sum of samples' gradients, each scaled to length 1: all that mean cosines need.

    Parameters
    ----------
    total : Tensor of float64, shape (num_parameters,)
    count : int
        Samples in the sum. Those with a zero gradient have no direction and are left out.
    num_zero : int
        Samples left out.
    """

    total: Tensor
    count: int
    num_zero: int


@dataclass(frozen=True)
class DirectedGradient:
    """Descent of the loss along a direction, over samples; per unit of length in parameter space.

    Parameters
    ----------
    mean : float
        Mean over samples of -g . d, with d of length 1: positive if a step of gradient descent
        goes along d.
    deviation : float
        Standard deviation over samples (n - 1).
    count : int
        Number of samples n.
    share : float
        Share of the squared length of the mean gradient that lies along d, from 0 to 1.
    """

    mean: float
    deviation: float
    count: int
    share: float

    @property
    def signal_to_noise(self) -> float:
        """Mean over deviation, of a single sample; a batch of B has sqrt(B) times it. NaN if 0 / 0."""
        if self.deviation == 0:
            return nan if self.mean == 0 else self.mean * float("inf")
        return self.mean / self.deviation

    @property
    def standard_error(self) -> float:
        """Of the mean."""
        return self.deviation / sqrt(self.count)


def sample_gradients(
    loss_fn: LossFunction, layout: ParameterLayout, vector: Tensor, data: Batch, chunk: int
) -> Iterator[Tensor]:
    """Yield every sample's gradient of its own loss, shape (at most chunk, num_parameters).

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``, the mean over samples; evaluated on batches of one.
    layout : ParameterLayout
    vector : Tensor, shape (num_parameters,)
    data : tuple of Tensor, each of shape (sample, ...)
    chunk : int
        Samples at a time; memory is chunk x num_parameters numbers, a few times over.

    Raises
    ------
    ValueError
        If `chunk` is below 1.
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1, not {chunk}")

    def single(weights: Tensor, *sample: Tensor) -> Tensor:
        return loss_fn(layout.unflatten(weights), tuple(part[None] for part in sample))

    in_dims = (None, *(0 for _ in data))
    gradients = torch.func.vmap(torch.func.grad(single), in_dims=in_dims)
    for parts in zip(*(part.split(chunk) for part in data), strict=True):
        yield gradients(vector.detach(), *parts)


def unit_gradients(
    loss_fn: LossFunction, layout: ParameterLayout, vector: Tensor, data: Batch, chunk: int = 256
) -> UnitGradients:
    """Return the sum of samples' unit gradients; see `sample_gradients` for the parameters."""
    total = torch.zeros(layout.num_parameters, dtype=torch.float64, device=vector.device)
    count = 0
    for gradients in sample_gradients(loss_fn, layout, vector, data, chunk):
        lengths = gradients.double().norm(dim=1)
        kept = lengths > 0
        total += (gradients[kept].double() / lengths[kept, None]).sum(0)
        count += int(kept.sum())
    return UnitGradients(total, count, len(data[0]) - count)


def mean_cosine(units: UnitGradients) -> float:
    """Return the mean cosine between the gradients of two different samples.

    Over all ordered pairs i != j of n samples, in O(n): with S the sum of unit gradients,
    (||S||^2 - n) / (n (n - 1)). Its least value is -1 / (n - 1); NaN with fewer than two samples.
    """
    if units.count < 2:
        return nan
    squared = float(units.total.square().sum())
    return (squared - units.count) / (units.count * (units.count - 1))


def mean_cross_cosine(first: UnitGradients, second: UnitGradients) -> float:
    """Return the mean cosine between a sample of one set and one of another, such as train and test.

    The sets share no sample. NaN if one is empty.
    """
    pairs = first.count * second.count
    return float(first.total @ second.total) / pairs if pairs else nan


def gradient_along(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    vector: Tensor,
    data: Batch,
    direction: Tensor,
    chunk: int = 256,
) -> DirectedGradient:
    """Return signal and noise of the gradient along a direction.

    Parameters
    ----------
    loss_fn, layout, vector, data, chunk
        As `sample_gradients`.
    direction : Tensor, shape (num_parameters,)
        Such as `lib.modular.fourier.generalising_direction`; its length does not matter.

    Returns
    -------
    DirectedGradient
        All NaN if the direction is zero: there is nothing to go to. The share is NaN where
        the mean gradient is zero, the deviation with a single sample.
    """
    length = direction.double().norm()
    count = len(data[0])
    if not length > 0:
        return DirectedGradient(nan, nan, count, nan)
    unit = direction.double() / length
    total = torch.zeros_like(unit)
    along = []
    for gradients in sample_gradients(loss_fn, layout, vector, data, chunk):
        total += gradients.double().sum(0)
        along.append(-(gradients.double() @ unit))
    descent = torch.cat(along)
    mean = float(descent.mean())
    squared = float(total.square().sum()) / count**2
    return DirectedGradient(
        mean=mean,
        deviation=float(descent.std()) if count > 1 else nan,
        count=count,
        share=mean**2 / squared if squared > 0 else nan,
    )
