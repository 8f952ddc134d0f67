"""Adapter from a module and a data set of PyTorch to what `llc.estimate.estimate_llc` takes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stagewise.core.replicas import Batch, LossFunction, Params

Criterion = Callable[[Any, Tensor], Tensor]


def module_loss(module: nn.Module, criterion: Criterion) -> tuple[LossFunction, Params]:
    """Return a module's loss as a pure function of its parameters, and the parameters w*.

    Parameters
    ----------
    module : nn.Module
        Taken as it is now, by copy: what happens to it later changes nothing.
    criterion : callable
        ``criterion(output, target) -> scalar``, the mean over samples, as in ``nn.MSELoss()``.

    Returns
    -------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``; the last part of a batch is the target, those before it
        are the module's inputs.
    params : dict of str to Tensor
        The parameters that require a gradient, on the module's device. Frozen parameters and buffers
        are held fixed: they are part of the function, not of the space that is sampled.

    Raises
    ------
    ValueError
        If the module has no parameter that requires a gradient, or the criterion is known not to be
        a mean.

    Notes
    -----
    The copy is in evaluation mode: without dropout, and with the stored statistics of batch
    normalisation. A loss that differs from one call to the next, or that couples the samples of a
    batch, has no LLC.
    """
    reduction = getattr(criterion, "reduction", "mean")
    if reduction != "mean":
        raise ValueError(
            f"criterion has reduction={reduction!r}: the loss must be the mean over samples, so "
            "build it with reduction='mean'"
        )
    fixed = copy.deepcopy(module).eval()
    params = {name: p.detach() for name, p in fixed.named_parameters() if p.requires_grad}
    if not params:
        raise ValueError(
            "the module has no parameter that requires a gradient, so there is nothing to sample: "
            "call requires_grad_() on those that belong to the space"
        )
    fixed.requires_grad_(False)

    def loss_fn(values: Params, batch: Batch) -> Tensor:
        *inputs, target = batch
        return criterion(torch.func.functional_call(fixed, values, tuple(inputs)), target)

    return loss_fn, params


def stack_dataset(
    dataset: Any, limit: int | None = None, device: torch.device | str = "cpu"
) -> tuple[Tensor, ...]:
    """Return the samples of a data set as tensors, one for each part of a sample.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Has a length; ``dataset[i]`` is a tuple such as (input, target) of tensors, arrays or numbers.
        What it draws at random (augmentation) is drawn once, here.
    limit : int, optional
        Take at most so many samples, evenly spaced over the data set: the first ones might all be of
        one class.
    device : torch.device or str
        Where the tensors are put; that of the module's parameters.

    Returns
    -------
    tuple of Tensor
        Each of shape (sample, ...).

    Raises
    ------
    ValueError
        If the data set has no length or no samples, `limit` is not positive, a sample is not a tuple
        of at least two parts, or samples differ in shape.
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise ValueError(
            f"{type(dataset).__name__} has no length or no index: collect its samples in a list"
        )
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    available = len(dataset)
    if available == 0:
        raise ValueError("the data set is empty")
    count = available if limit is None else min(limit, available)
    chosen = np.arange(count) * available // count
    samples = [_sample(dataset, int(index)) for index in chosen]
    for index, sample in zip(chosen, samples, strict=True):
        shapes = [[tuple(part.shape) for part in s] for s in (samples[0], sample)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"sample {index} has shapes {shapes[1]}, sample 0 has {shapes[0]}: "
                "pad or cut them to one shape"
            )
    return tuple(torch.stack(parts).to(device) for parts in zip(*samples, strict=True))


def _sample(dataset: Any, index: int) -> tuple[Tensor, ...]:
    """Return one sample as tensors."""
    sample = dataset[index]
    if not isinstance(sample, tuple | list) or len(sample) < 2:
        raise ValueError(
            f"sample {index} is not (input, target): wrap the data set so that it gives both"
        )
    return tuple(torch.as_tensor(part).detach() for part in sample)
