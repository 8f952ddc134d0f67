"""Adapter from a module and a data set of PyTorch to what `llc.estimate.estimate_llc` takes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from stagewise.core.replicas import Batch, Params

Criterion = Callable[[Any, Tensor], Tensor]


@dataclass(frozen=True)
class ModuleLoss:
    """A module's loss as a pure function of its parameters; buffers may be among them.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode, nothing of it trainable.
    criterion : callable, or None
        See `module_loss`.
    names : tuple of str, or None
        Of the parts of a batch, where the module takes them by name.
    count : float, or None
        See `module_loss`.
    """

    module: nn.Module
    criterion: Criterion | None
    names: tuple[str, ...] | None
    count: float | None

    def __call__(self, params: Params, batch: Batch) -> Tensor:
        """Return the mean loss over a batch's samples."""
        target = batch[-1]
        if self.criterion is None:
            result = self._call(params, batch)
            loss = result["loss"] if isinstance(result, Mapping) else getattr(result, "loss", None)
            if loss is None:
                raise ValueError("the module's output has no loss: give a criterion")
            return loss
        output = self.outputs(params, batch)
        _check_shapes(output, target)
        loss = self.criterion(output, target)
        return loss if self.count is None else loss / (self.count * len(target))

    def outputs(self, params: Params, batch: Batch) -> Tensor:
        """Return the module's output, or the first or the logits of several."""
        result = self._call(params, batch[:-1] if self.criterion is not None else batch)
        if isinstance(result, Tensor):
            return result
        if isinstance(result, Mapping) and "logits" in result:
            return result["logits"]
        return result.logits if hasattr(result, "logits") else result[0]

    def _call(self, params: Params, parts: Batch) -> Any:
        if self.names is None:
            return torch.func.functional_call(self.module, params, parts)
        named = dict(zip(self.names, parts, strict=False))
        return torch.func.functional_call(self.module, params, (), named)


@dataclass(frozen=True)
class GradientInside:
    """A module's loss whose gradient is taken while the module holds the parameters in question.

    Activation checkpointing computes activations again in the backward pass, when `ModuleLoss` alone has
    given the module back its own parameters.

    Parameters
    ----------
    loss : ModuleLoss
    """

    loss: ModuleLoss

    def __call__(self, params: Params, batch: Batch) -> Tensor:
        """Return the mean loss over a batch's samples."""
        return self.loss(params, batch)

    def loss_and_gradient(self, params: Params, batch: Batch) -> tuple[Tensor, Params]:
        """Return the loss and its gradient, both detached."""
        leaves = {name: value.detach().requires_grad_() for name, value in params.items()}
        held = {f"module.{name}": leaf for name, leaf in leaves.items()}
        loss, gradients = torch.func.functional_call(_Held(self.loss), held, (leaves, batch))
        return loss, dict(zip(params, gradients, strict=True))


class _Held(nn.Module):
    """Takes the gradient inside of its call, in which the module holds what it is called with."""

    def __init__(self, loss: ModuleLoss) -> None:
        super().__init__()
        self.module, self.loss = loss.module, loss

    def forward(self, params: Params, batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the loss and its gradients in the order of the parameters."""
        loss = self.loss(params, batch)
        return loss.detach(), torch.autograd.grad(loss, list(params.values()))


def _check_shapes(output: Any, target: Tensor) -> None:
    if (
        isinstance(output, Tensor)
        and target.is_floating_point()
        and output.ndim == target.ndim + 1
        and output.shape[-1] == 1
    ):
        raise ValueError(
            f"outputs of shape {tuple(output.shape)} would be compared with all of the targets of "
            f"shape {tuple(target.shape)}: give targets of shape (n, 1)"
        )


def module_loss(
    module: nn.Module,
    criterion: Criterion | None,
    *,
    names: tuple[str, ...] | None = None,
    count: float | None = None,
) -> tuple[ModuleLoss, Params]:
    """Return a module's loss as a pure function of its parameters, and the parameters w*.

    Parameters
    ----------
    module : nn.Module
        Taken as it is now, by copy: what happens to it later changes nothing.
    criterion : callable, or None
        ``criterion(output, target) -> scalar``, the mean over samples, as in ``nn.MSELoss()``. Of an
        output that is no tensor it gets the logits, or the first part. None takes the output's own
        ``loss``, for modules that are given the labels.
    names : tuple of str, optional
        Names of a batch's parts, the target last, by which the module takes them; those of a data set
        of dictionaries, as `sample_names` gives them.
    count : float, optional
        For losses with weights or ignored labels, which are no mean over samples: the criterion gives
        the sum, and this is the mean weight, or the mean number of labels, of a sample.

    Returns
    -------
    loss_fn : ModuleLoss
        ``loss_fn(params, batch) -> scalar``; the last part of a batch is the target, those before it
        are the module's inputs.
    params : dict of str to Tensor
        The parameters that require a gradient, on the module's device. Frozen parameters and buffers
        are held fixed: they are part of the function, not of the space that is sampled.

    Raises
    ------
    ValueError
        If the module has no parameter that requires a gradient, or a complex one, or the criterion is
        known not to be a mean, or, with a count, not to be a sum.

    Notes
    -----
    The copy is in evaluation mode: without dropout, and with the stored statistics of batch
    normalisation; what it holds fixed in less than float32 it holds in float32.
    """
    wanted = "mean" if count is None else "sum"
    reduction = getattr(criterion, "reduction", wanted)
    if reduction != wanted:
        over = "the loss must be the mean over samples" if count is None else "count divides a sum"
        raise ValueError(
            f"criterion has reduction={reduction!r}: {over}, so build it with reduction={wanted!r}"
        )
    fixed = copy.deepcopy(module).eval()
    params = {name: p.detach() for name, p in fixed.named_parameters() if p.requires_grad}
    if not params:
        raise ValueError(
            "the module has no parameter that requires a gradient, so there is nothing to sample: "
            "call requires_grad_() on those that belong to the space"
        )
    if name := next((name for name, value in params.items() if value.is_complex()), None):
        raise ValueError(
            f"parameter {name!r} is complex: hold it as real numbers, torch.view_as_real, in the module"
        )
    fixed.requires_grad_(False)
    for part in fixed.modules():
        if isinstance(part, nn.Embedding | nn.EmbeddingBag):
            part.sparse = False  # gradients of all parameters make one vector
    if any(p.dtype in (torch.float16, torch.bfloat16) for p in fixed.parameters()):
        fixed = fixed.float()
    return ModuleLoss(fixed, criterion, names, count), params


def sample_names(dataset: Any, target: str = "labels") -> tuple[str, ...]:
    """Return the names of the parts of a data set's dictionaries, the target last."""
    keys = [key for key in dataset[0] if key != target]
    return (*keys, target)


def stack_dataset(
    dataset: Any,
    limit: int | None = None,
    device: torch.device | str = "cpu",
    target: str = "labels",
) -> tuple[Tensor, ...]:
    """Return the samples of a data set as tensors, one for each part of a sample.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset or DataLoader
        Has a length; ``dataset[i]`` is a tuple such as (input, target), or a dictionary, of tensors,
        arrays or numbers. Of a loader its data set is taken, not its batches. What it draws at random
        (augmentation) is drawn once, here.
    limit : int, optional
        Take at most so many samples, evenly spaced over the data set: the first ones might all be of
        one class.
    device : torch.device or str
        Where the tensors are put; that of the module's parameters.
    target : str
        Part of dictionaries that is put last.

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
    if isinstance(dataset, DataLoader):
        dataset = dataset.dataset
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
    samples = [_sample(dataset, int(index), target) for index in chosen]
    for index, sample in zip(chosen, samples, strict=True):
        shapes = [[tuple(part.shape) for part in s] for s in (samples[0], sample)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"sample {index} has shapes {shapes[1]}, sample 0 has {shapes[0]}: "
                "pad or cut them to one shape"
            )
    return tuple(torch.stack(parts).to(device) for parts in zip(*samples, strict=True))


def _sample(dataset: Any, index: int, target: str) -> tuple[Tensor, ...]:
    """Return one sample as tensors."""
    sample = dataset[index]
    if isinstance(sample, Mapping):
        if target not in sample:
            raise ValueError(
                f"sample {index} has {sorted(sample)} but no {target!r}: name its target, "
                "stack_dataset(..., target=...)"
            )
        sample = [sample[name] for name in (*(key for key in sample if key != target), target)]
    if not isinstance(sample, tuple | list) or len(sample) < 2:
        raise ValueError(
            f"sample {index} is not (input, target): wrap the data set so that it gives both"
        )
    return tuple(torch.as_tensor(part).detach() for part in sample)
