"""Models whose learning coefficient is known: subjects with one step, 0.

The truth is always the most degenerate of the optima, because the exact value is that of the point
where volume shrinks slowest: r hidden units carry the true map with equal shares in every layer, and
all other weights are exactly zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.exact import coefficients as exact


def true_weights(widths: Sequence[int], rank: int) -> Params:
    """Return the weights of a linear network whose map has `rank` singular values 1 and else 0.

    Returns
    -------
    dict of str to Tensor
        ``layer0``, ``layer1``... each of shape (outputs, inputs).
    """
    weights = {}
    for layer, (before, after) in enumerate(pairwise(widths)):
        weights[f"layer{layer}"] = torch.zeros(after, before)
        weights[f"layer{layer}"].fill_diagonal_(1.0)
        weights[f"layer{layer}"][rank:] = 0.0
    return weights


def end_to_end(params: Params) -> Tensor:
    """Return the product of all layers, shape (outputs, inputs)."""
    return reduce(lambda product, weight: weight @ product, params.values())


def population_linear_network(widths: Sequence[int], rank: int) -> Subject:
    """Return a linear network with the loss of infinitely many samples and no label noise.

    For inputs of identity covariance that loss is |W - W*|^2 / 2, with W the product of the layers.

    Parameters
    ----------
    widths : sequence of int
        Units of each layer, from input to output.
    rank : int
        Rank of the true map W*.

    Returns
    -------
    Subject
        Its samples are one, the true map: batches have no noise.
    """
    known = exact.deep_linear_network(widths, rank)
    weights = true_weights(widths, rank)
    target = end_to_end(weights)
    name = f"linear {'-'.join(map(str, widths))}, rank {rank}"
    return Subject.of_checkpoints(
        name,
        {0: weights},
        _population_loss,
        (target[None],),
        untrained_loss=rank / 2,
        exact_llc=known.value,
    )


def _population_loss(params: Params, batch: Batch) -> Tensor:
    (target,) = batch
    return (end_to_end(params) - target[0]).square().sum() / 2


def reduced_rank_regression(
    num_inputs: int,
    num_outputs: int,
    num_hidden: int,
    rank: int,
    *,
    num_samples: int,
    noise_std: float,
    key: StreamKey,
) -> Subject:
    """Return a two-layer linear network with samples of a true map and label noise.

    Parameters
    ----------
    num_inputs, num_outputs, num_hidden, rank : int
        M, N, H and r.
    num_samples : int
        n, with standard normal inputs.
    noise_std : float
        Standard deviation of the noise in each output; with 0 the loss at w* is 0.
    key : StreamKey
        Names the samples.

    Returns
    -------
    Subject
        Loss |y - BAx|^2 / 2, mean over samples. The untrained loss is that of the map 0.
    """
    known = exact.reduced_rank_regression(num_inputs, num_outputs, num_hidden, rank)
    weights = true_weights((num_inputs, num_hidden, num_outputs), rank)
    inputs = torch.randn(num_samples, num_inputs, generator=key.child("inputs").generator())
    noise = torch.randn(num_samples, num_outputs, generator=key.child("noise").generator())
    outputs = inputs @ end_to_end(weights).T + noise_std * noise
    name = f"linear {num_inputs}-{num_hidden}-{num_outputs}, rank {rank}, n = {num_samples}"
    untrained = outputs.square().sum(1).mean().item() / 2
    return Subject.of_checkpoints(
        name,
        {0: weights},
        _sample_loss,
        (inputs, outputs),
        untrained_loss=untrained,
        exact_llc=known.value,
    )


def _sample_loss(params: Params, batch: Batch) -> Tensor:
    inputs, outputs = batch
    residual = inputs @ end_to_end(params).T - outputs
    return residual.square().sum(-1).mean() / 2


def linear_regression(
    num_used: int, num_unused: int, *, num_samples: int, noise_std: float, key: StreamKey
) -> Subject:
    """Return a linear regression with samples, label noise and curvatures over two decades.

    Parameters
    ----------
    num_used, num_unused : int
        Inputs whose variances lie from 0.1 to 10, evenly in their logarithms, and inputs that are 0.
    num_samples : int
        n.
    noise_std : float
        Standard deviation of the label noise.
    key : StreamKey
        Names the samples.

    Returns
    -------
    Subject
        Loss (y - w.x)^2 / 2, mean over samples, at the weights that made the labels: ones where the
        input is used, else zeros. Its learning coefficient is half the number of used inputs.
    """
    spread = torch.cat([torch.logspace(-0.5, 0.5, num_used), torch.zeros(num_unused)])
    count = num_used + num_unused
    inputs = spread * torch.randn(num_samples, count, generator=key.child("inputs").generator())
    weights = (spread > 0).to(inputs)
    noise = torch.randn(num_samples, generator=key.child("noise").generator())
    labels = inputs @ weights + noise_std * noise
    used = f"d = {count}" if not num_unused else f"{num_used} of d = {count}"
    return Subject.of_checkpoints(
        f"regression, {used}, n = {num_samples}",
        {0: {"w": weights}},
        _regression_loss,
        (inputs, labels),
        untrained_loss=labels.square().mean().item() / 2,
        exact_llc=exact.quadratic(num_used).value,
    )


def _regression_loss(params: Params, batch: Batch) -> Tensor:
    inputs, labels = batch
    return (inputs @ params["w"] - labels).square().mean() / 2


def stiffest_curvature(
    model: Subject, localization: float, key: StreamKey, num_draws: int = 16
) -> float:
    """Return the largest Hessian eigenvalue where the prior lets chains go.

    At the most degenerate optimum itself the Hessian says nothing of its surroundings (it may
    vanish), so it is taken at draws of N(w*, 1 / gamma); the result is the median over them.

    Parameters
    ----------
    model : Subject
    localization : float
        gamma, greater than 0.
    key : StreamKey
        Names the draws.
    num_draws : int
    """
    params = model.params_at(0)
    layout = ParameterLayout.of(params)
    centre = layout.flatten(params)
    noise = torch.randn(num_draws, len(centre), generator=key.generator())
    draws = centre + noise / math.sqrt(localization)
    gradient = torch.func.jacrev(lambda w: model.loss_fn(layout.unflatten(w), model.samples))
    hessian = torch.func.jacrev(gradient)
    tops = [torch.linalg.eigvalsh(hessian(w))[-1] for w in draws]
    return torch.stack(tops).median().item()
