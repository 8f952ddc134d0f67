"""What a user brings, made ready to sample, or refused in one sentence that names what is wrong.

Two kinds of findings: errors, where no estimate could be made or it would be of another posterior, and
notes, which go with the result.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, Params
from stagewise.core.seeding import StreamKey
from stagewise.llc.loss_checks import (
    check_curvature,
    coupling,
    gradient_error,
    stacking_problem,
    value_at_centre,
    with_gradient,
)
from stagewise.llc.minibatches import BatchSource

TRIAL_SAMPLES = 16
"""Samples on which a loss is tried; evenly spaced over all."""

MAX_ROUNDING = 0.1
"""Rounding of n_beta L that an estimate can bear."""


@dataclass(frozen=True)
class Inputs:
    """A loss, w* and samples as chains take them.

    Parameters
    ----------
    loss_fn : callable
        With a gradient.
    params : dict of str to Tensor
        In float32 or better.
    batches : tuple of Tensor or callable
    serial : bool
        Whether chains step one after the other, for the loss cannot be stacked.
    notes : tuple of str
        What the user should know of the result.
    """

    loss_fn: LossFunction
    params: Params
    batches: BatchSource
    serial: bool
    notes: tuple[str, ...]

    @property
    def samples(self) -> Batch:
        """The batches where they are samples, as they were given."""
        if callable(self.batches):
            raise TypeError("batches are generated: there are no samples")
        return self.batches


def checked_inputs(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    batches: BatchSource,
    key: StreamKey,
    *,
    paired: bool,
    curvature: bool,
    n_beta: float | None = None,
) -> Inputs:
    """Return the inputs ready to sample; raise ValueError with one clear sentence if they are not.

    Parameters
    ----------
    loss_fn, params, batches, key
        As for `llc.estimate.estimate_llc`.
    paired : bool
        Whether draws are compared with w* on their own minibatch.
    curvature : bool
        Whether second derivatives are needed.
    n_beta : float, optional
        For the check of rounding.
    """
    _check_params(params)
    notes: list[str] = []
    types = {value.dtype for value in params.values()}
    low = {kind for kind in types if torch.finfo(kind).bits < 32}
    if low:
        notes.append(f"parameters are {_listed(low)}: sampled in float32")
    params = {name: _wide(value.detach()) for name, value in params.items()}
    batches = _wide_batches(batches) if low else _usable(batches)
    trial = _trial(batches, key, paired)
    devices = {str(tensor.device) for tensor in (*params.values(), *trial)}
    if len(devices) > 1:
        raise ValueError(
            f"parameters and batches are on several devices, {_listed(devices)}: move them to one"
        )
    loss = value_at_centre(loss_fn, params, trial, batches)
    loss_fn = with_gradient(loss_fn, params, trial)
    problem = stacking_problem(loss_fn, params, trial)
    if problem:
        notes.append(
            f"chains run one after the other, for torch.func.vmap cannot stack the loss ({problem}): "
            "pure tensor operations, without branches on values and in-place changes, run side by side"
        )
    if curvature:
        check_curvature(loss_fn, params, trial)
    if not callable(batches) and (sentence := coupling(loss_fn, params, trial)):
        notes.append(sentence)
    if sentence := gradient_error(loss_fn, params, trial):
        notes.append(sentence)
    rounding = (n_beta or 0.0) * abs(loss) * torch.finfo(next(iter(params.values())).dtype).eps
    if rounding > MAX_ROUNDING:
        notes.append(
            f"n_beta L(w*) is only known to {rounding:.2g}, by rounding: give parameters and data in "
            "float64"
        )
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=5)
    return Inputs(loss_fn, params, batches, bool(problem), tuple(notes))


def _check_params(params: Mapping[str, Tensor]) -> None:
    if not params:
        raise ValueError("params is empty: there is nothing to sample")
    for name, value in params.items():
        if not value.is_floating_point():
            raise ValueError(
                f"parameter {name!r} is {value.dtype}: leave integer tensors out of params"
            )
        if not torch.isfinite(value).all():
            raise ValueError(
                f"parameter {name!r} holds NaN or infinity at w*: check the checkpoint"
            )
    if len(types := {value.dtype for value in params.values()}) > 1:
        raise ValueError(f"parameters have several types, {_listed(types)}: convert them to one")


def _wide(tensor: Tensor) -> Tensor:
    """Return a tensor in float32 or better, and usable in gradients."""
    if tensor.is_floating_point() and torch.finfo(tensor.dtype).bits < 32:
        return tensor.float()
    return tensor.clone() if tensor.is_inference() else tensor


def _usable(batches: BatchSource) -> BatchSource:
    """Return samples that were made in inference mode as others are."""
    if callable(batches):
        return batches
    return tuple(part.clone() if part.is_inference() else part for part in batches)


def _wide_batches(batches: BatchSource) -> BatchSource:
    if not callable(batches):
        return tuple(map(_wide, batches))
    generate = batches
    return lambda key: tuple(map(_wide, generate(key)))


def _trial(batches: BatchSource, key: StreamKey, paired: bool) -> Batch:
    """Return a few samples, after a look at all."""
    if callable(batches):
        if not paired:
            raise ValueError("paired=False compares with L_n(w*): give the samples, not a callable")
        return batches(key.child("check"))
    lengths = {len(part) for part in batches}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(
            f"batches need one common, positive number of samples, not {sorted(lengths)}"
        )
    (count,) = lengths
    few = torch.arange(min(count, TRIAL_SAMPLES)) * count // min(count, TRIAL_SAMPLES)
    return tuple(part[few.to(part.device)] for part in batches)


def _listed(items: Collection[object]) -> str:
    return " and ".join(sorted(map(str, items)))
