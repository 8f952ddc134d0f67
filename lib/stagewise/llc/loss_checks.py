"""A loss tried on a few samples: whether it can be stacked, and whether its gradient is its own."""

from __future__ import annotations

import contextlib
import warnings

import torch
from torch import Tensor

from stagewise.core.curvature import hessian_product
from stagewise.core.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    Params,
    stacked_losses_and_gradients,
)
from stagewise.core.unanswered import UnansweredError
from stagewise.llc.minibatches import BatchSource
from stagewise.llc.modules import GradientInside, ModuleLoss

MAX_GRADIENT_ERROR = 0.1
"""Share by which slopes of the loss may differ from those that the gradient says."""

FAILURES = (RuntimeError, NotImplementedError, IndexError, ValueError, TypeError, KeyError)


def value_at_centre(
    loss_fn: LossFunction, params: Params, trial: Batch, batches: BatchSource
) -> float:
    """Return the loss of a few samples; raise ValueError if there is none to sample."""
    shapes = [tuple(part.shape) for part in trial]
    leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
    try:
        loss = loss_fn(leaves, trial)
    except FAILURES as error:
        raise ValueError(
            f"loss_fn fails on a batch of shapes {shapes} ({_first_line(error)}): "
            "make parameters and batches fit"
        ) from error
    if loss.ndim:
        raise ValueError(f"loss_fn must return a scalar, not shape {tuple(loss.shape)}")
    if not torch.isfinite(loss):
        if not callable(batches):
            with torch.no_grad():
                whole = loss_fn(params, tuple(part[:4096] for part in batches))
            if torch.isfinite(whole):
                raise ValueError(
                    f"the loss is {loss.item()} on {len(trial[0])} samples and {whole.item():.4g} on "
                    "more: a batch in which nothing is labelled has no mean, so divide the sum by a "
                    "fixed count a sample, module_loss(..., count=...)"
                )
        raise UnansweredError(f"the loss at w* is {loss.item()}: the checkpoint cannot be sampled")
    if not loss.requires_grad:
        raise ValueError("the loss does not depend on params: there is no gradient to follow")
    return loss.item()


def with_gradient(loss_fn: LossFunction, params: Params, trial: Batch) -> LossFunction:
    """Return a loss that has a gradient: the same, or one that takes it inside of its module."""
    if not isinstance(loss_fn, ModuleLoss):
        return loss_fn
    layout = ParameterLayout.of(params)
    single = layout.flatten(params)[None], tuple(part[None] for part in trial)
    try:
        stacked_losses_and_gradients(loss_fn, layout, *single)
    except FAILURES:
        inside = GradientInside(loss_fn)
        with contextlib.suppress(*FAILURES):
            stacked_losses_and_gradients(inside, layout, *single)
            return inside
    return loss_fn


def stacking_problem(loss_fn: LossFunction, params: Params, trial: Batch) -> str:
    """Say why chains cannot be stacked; nothing if they can.

    Raises
    ------
    ValueError
        If they can, but a chain's gradient is then another: a layer sets it by other means.
    """
    layout = ParameterLayout.of(params)
    centre = layout.flatten(params)[None]
    single = tuple(part[None] for part in trial)
    twice = tuple(torch.cat([part, part]) for part in single)
    try:
        _, one = stacked_losses_and_gradients(loss_fn, layout, centre, single)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that an operation is slow under vmap
            _, both = stacked_losses_and_gradients(loss_fn, layout, torch.cat([centre] * 2), twice)
    except FAILURES as error:
        try:
            stacked_losses_and_gradients(loss_fn, layout, centre, single)
        except FAILURES as own:
            raise ValueError(
                f"the loss cannot be differentiated ({_first_line(own)}): build it of operations "
                "with gradients"
            ) from own
        return _first_line(error)
    gap = (both - one).norm(dim=1).max().item()
    if gap > 1e-2 * one.norm().item() + 1e-6:
        raise ValueError(
            f"the gradient of one chain differs from that of two stacked ones by "
            f"{gap / max(one.norm().item(), 1e-30):.0%}: a layer sets its own gradient, as "
            "nn.Embedding(padding_idx=...) does; build it without padding_idx, or mask those tokens"
        )
    return ""


def check_curvature(loss_fn: LossFunction, params: Params, trial: Batch) -> None:
    """Raise ValueError if the loss has no second derivatives."""
    layout = ParameterLayout.of(params)
    centre = layout.flatten(params)
    try:
        hessian_product(loss_fn, layout, centre, trial)(torch.ones_like(centre))
    except FAILURES as error:
        raise ValueError(
            f"the loss has no second derivatives ({_first_line(error)}), which this preconditioner "
            'or start needs: take preconditioner="none" and start="checkpoint"'
        ) from error


@torch.no_grad()
def coupling(loss_fn: LossFunction, params: Params, trial: Batch) -> str:
    """Say how the loss of some samples differs from the mean of theirs; nothing if it does not."""
    few = tuple(part[:8] for part in trial)
    together = float(loss_fn(params, few))
    try:
        apart = [
            float(loss_fn(params, tuple(part[row : row + 1] for part in few)))
            for row in range(len(few[0]))
        ]
    except FAILURES:
        return ""  # a loss that takes no single sample is evaluated on minibatches alone
    mean = sum(apart) / len(apart)
    if abs(mean - together) <= 1e-3 * max(abs(together), 1e-6):
        return ""
    return (
        f"the loss couples samples: {together:.4g} for {len(apart)} of them, while the mean of theirs "
        f"is {mean:.4g}. Look for targets of shape (n,) against outputs of shape (n, 1), class weights "
        "or ignore_index; of the last two give the sum with its count a sample, module_loss(module, "
        'criterion with reduction="sum", count=...)'
    )


def gradient_error(loss_fn: LossFunction, params: Params, trial: Batch) -> str:
    """Compare gradients with slopes of the loss along random directions, at a point beside w*."""
    try:  # in double precision, where nothing of the loss forbids it
        exact = {name: value.double() for name, value in params.items()}
        parts = tuple(part.double() if part.is_floating_point() else part for part in trial)
        slopes, expected, rounding = _slopes(loss_fn, exact, parts, 1e-3)
    except FAILURES:
        slopes, expected, rounding = _slopes(loss_fn, params, trial, 5e-2)
    error, size = (slopes - expected).norm().item(), slopes.norm().item()
    if not error > MAX_GRADIENT_ERROR * size + rounding:
        return ""
    return (
        f"slopes of the loss differ from its gradient by {error / size:.0%}: a layer sets its own "
        "gradient (detach, straight-through rounding, padding_idx), so chains sample no posterior of "
        "this loss"
    )


def _slopes(
    loss_fn: LossFunction, params: Params, trial: Batch, share: float
) -> tuple[Tensor, Tensor, float]:
    """Return slopes by differences, those that the gradient says, and what rounding adds."""
    layout = ParameterLayout.of(params)
    centre = layout.flatten(params)
    scale = 1e-2 * max(centre.square().mean().sqrt().item(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    first, *directions = (
        torch.randn(len(centre), generator=generator).to(centre) for _ in range(5)
    )
    point, step = centre + scale * first, share * scale
    single = tuple(part[None] for part in trial)
    _, (gradient,) = stacked_losses_and_gradients(loss_fn, layout, point[None], single)
    slopes, expected, end = [], [], 0.0
    for direction in directions:
        with torch.no_grad():
            end, other = (
                loss_fn(layout.unflatten(point + sign * step * direction), trial).item()
                for sign in (1, -1)
            )
        slopes.append((end - other) / (2 * step))
        expected.append((gradient @ direction).item())
    rounding = 10 * torch.finfo(centre.dtype).eps * abs(end) / step
    kind = torch.float64
    return torch.tensor(slopes, dtype=kind), torch.tensor(expected, dtype=kind), rounding


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
