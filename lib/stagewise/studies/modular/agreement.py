"""Agreement of gradients: whether samples pull in the same direction (claim G12).

Before a circuit forms, the gradients of different samples are mostly noise to it; once it forms, they
share a direction. Gradients are per sample, by torch.func, a chunk of samples at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan, sqrt

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout

NUM_BLOCKS = 20


@dataclass(frozen=True)
class UnitGradients:
    """Sums of samples' gradients, each scaled to length 1: all that mean cosines need.

    Parameters
    ----------
    totals : Tensor of float64, shape (block, num_parameters)
        Samples are dealt to blocks in turn; blocks serve the standard error.
    counts : Tensor of float64, shape (block,)
        Samples in each sum. Those with a zero gradient have no direction and are left out.
    num_zero : int
        Samples left out.
    """

    totals: Tensor
    counts: Tensor
    num_zero: int


@dataclass(frozen=True)
class MeanCosine:
    """A mean cosine between gradients with its standard error over samples.

    Parameters
    ----------
    value : float
    standard_error : float
        By the jackknife over blocks of samples; for cosines that are all noise it errs high, by up to
        sqrt(2). NaN if a block has all the samples.
    """

    value: float
    standard_error: float


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
    """Return sums of samples' unit gradients; see `sample_gradients` for the parameters.

    For the agreement of some parameters only, give a loss and a layout of these.
    """
    blocks = torch.arange(len(data[0]), device=vector.device) % NUM_BLOCKS
    shape = (NUM_BLOCKS, layout.num_parameters)
    totals = torch.zeros(shape, dtype=torch.float64, device=vector.device)
    counts = totals.new_zeros(NUM_BLOCKS)
    start = 0
    for gradients in sample_gradients(loss_fn, layout, vector, data, chunk):
        into = blocks[start : start + len(gradients)]
        start += len(gradients)
        lengths = gradients.double().norm(dim=1)
        kept = lengths > 0
        totals.index_add_(0, into[kept], gradients[kept].double() / lengths[kept, None])
        counts.index_add_(0, into, kept.double())
    return UnitGradients(totals, counts, len(data[0]) - int(counts.sum()))


def mean_cosine(units: UnitGradients) -> MeanCosine:
    """Return the mean cosine between the gradients of two different samples.

    Over all ordered pairs i != j of n samples, in O(n): with S the sum of unit gradients,
    (||S||^2 - n) / (n (n - 1)). Its least value is -1 / (n - 1); NaN with fewer than two samples.
    """

    def of_sum(total: Tensor, count: Tensor) -> Tensor:
        return (total.square().sum(-1) - count) / (count * (count - 1))

    total, count = units.totals.sum(0), units.counts.sum()
    if count < 2:
        return MeanCosine(nan, nan)
    without = of_sum(total - units.totals, count - units.counts)
    return MeanCosine(float(of_sum(total, count)), sqrt(_jackknife_variance(without, units)))


def mean_cross_cosine(first: UnitGradients, second: UnitGradients) -> MeanCosine:
    """Return the mean cosine between a sample of one set and one of another, such as train and test.

    The sets share no sample. NaN if one is empty.
    """
    means, variance = [one.totals.sum(0) / one.counts.sum() for one in (first, second)], 0.0
    for one, other in ((first, means[1]), (second, means[0])):
        rest = (one.counts.sum() - one.counts)[:, None]
        without = ((one.totals.sum(0) - one.totals) / rest) @ other
        variance += _jackknife_variance(without, one)
    return MeanCosine(float(means[0] @ means[1]), sqrt(variance))


def _jackknife_variance(without: Tensor, units: UnitGradients) -> float:
    """Return the variance of a statistic from its values without each block that has samples."""
    left = without[units.counts > 0]
    return float((len(left) - 1) * left.var(correction=0)) if len(left) > 1 else nan


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
        Such as `studies.modular.fourier.generalising_direction`; its length does not matter.

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
