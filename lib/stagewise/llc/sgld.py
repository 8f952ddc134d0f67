"""Stochastic gradient Langevin dynamics around a checkpoint (Welling & Teh 2011; Lau et al. 2023).

Every chain samples the localised tempered posterior

    p(w | w*, n_beta, gamma)  ~  exp( -n_beta L_n(w) - (gamma / 2) |w - w*|^2 )

with the update, for minibatch loss L_m and step size epsilon,

    w <- w - (epsilon / 2) ( n_beta grad L_m(w) + gamma (w - w*) ) + sqrt(epsilon) N(0, I).

(epsilon / 2 with sqrt(epsilon), as in the published code; some libraries write epsilon and
sqrt(2 epsilon) for the same dynamics.) A fixed preconditioner changes how fast chains move in each
direction and leaves the posterior as it is; see `llc.preconditioning`.

The finite step puts the variance of a direction with curvature c = n_beta h + gamma too high by the
share epsilon c / 4. It need not: if each step takes the mean of its own normal draw and the next
one's, sqrt(epsilon) (xi_t + xi_(t+1)) / 2, the variance in a quadratic is exact at every stable
epsilon, and the error elsewhere is of second order (Leimkuhler & Matthews 2013, Applied Mathematics
Research Express 2013, 34-56). What remains is the noise of the minibatch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.replicas import (
    LossFunction,
    ParameterLayout,
    stacked_losses_and_gradients,
)
from stagewise.core.seeding import StreamKey
from stagewise.llc.minibatches import BatchSource, Minibatch, baselines, minibatches
from stagewise.llc.preconditioning import (
    CURVATURE_SAMPLES,
    Preconditioner,
    covariance_estimate,
    normalised,
)
from stagewise.llc.settings import SGLDConfig


@dataclass(frozen=True)
class SGLDTrace:
    """What the chains saw.

    Parameters
    ----------
    burnin_loss : Tensor, shape (num_chains, num_burnin)
        L_m(w_t) at every step of the burn-in; the first is at the chain's start.
    loss : Tensor, shape (num_chains, num_draws)
        L_m(w_t) at every draw.
    baseline : Tensor, shape (num_chains, num_draws), or None
        L_m(w*) on the same minibatch as each draw, if draws are paired.
    displacement : Tensor, shape (num_chains, num_draws)
        |w_t - w*|, Euclidean.
    """

    burnin_loss: Tensor
    loss: Tensor
    baseline: Tensor | None
    displacement: Tensor


def sample_chains(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    centre: Tensor,
    batches: BatchSource,
    config: SGLDConfig,
    key: StreamKey,
    chains_at_a_time: int | None = None,
) -> SGLDTrace:
    """Run all chains from one checkpoint, side by side or some at a time.

    Minibatches and noise are functions of (`key`, chain, step) alone: the same key gives every
    checkpoint the same ones, and a chain does not depend on how many run beside it.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``.
    layout : ParameterLayout
    centre : Tensor, shape (num_parameters,)
        w*.
    batches : tuple of Tensor or callable
        Samples along the leading axis, from which minibatches are drawn with replacement; or
        ``batches(stream_key) -> batch``.
    config : SGLDConfig
    key : StreamKey
    chains_at_a_time : int, optional
        How many run side by side, which takes their memory together; all without it. No effect on
        results beyond rounding.

    Returns
    -------
    SGLDTrace
    """
    together = chains_at_a_time or config.num_chains
    position, preconditioner = _begin(loss_fn, layout, centre, batches, config, key)
    num_paired = config.num_chains * config.num_draws * config.batch_size if config.paired else 0
    most = together * config.batch_size
    draw_baseline = baselines(loss_fn, layout, centre, batches, num_paired, most)
    traces = []
    for first in range(0, config.num_chains, together):
        chains = range(first, min(first + together, config.num_chains))
        own = minibatches(batches, chains, config.batch_size, key)
        noise = [key.child("noise", chain).generator(centre.device) for chain in chains]
        start = position[first : first + together]
        traces.append(
            _walk(loss_fn, layout, centre, start, config, preconditioner, own, draw_baseline, noise)
        )
    return _joined(traces)


def _joined(traces: Sequence[SGLDTrace]) -> SGLDTrace:
    """Put the traces of groups of chains under each other."""
    baselines_of = [trace.baseline for trace in traces if trace.baseline is not None]
    return SGLDTrace(
        torch.cat([trace.burnin_loss for trace in traces]),
        torch.cat([trace.loss for trace in traces]),
        torch.cat(baselines_of) if baselines_of else None,
        torch.cat([trace.displacement for trace in traces]),
    )


def _walk(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    centre: Tensor,
    position: Tensor,
    config: SGLDConfig,
    preconditioner: Preconditioner | None,
    draw_batches: Callable[[int], Minibatch],
    draw_baseline: Callable[[Minibatch], Tensor],
    noise_streams: Sequence[torch.Generator],
) -> SGLDTrace:
    """Run some chains side by side."""
    chains, draws = len(position), config.num_draws
    following = _normal(noise_streams, centre)
    burnin_loss = torch.empty(chains, config.num_burnin, device=centre.device)
    loss, baseline, displacement = torch.empty(3, chains, draws, device=centre.device)
    for step in range(config.num_burnin + draws * config.steps_per_draw):
        minibatch = draw_batches(step)
        losses, gradients = stacked_losses_and_gradients(
            loss_fn, layout, position, minibatch.samples
        )
        offset = position - centre
        draw, between = divmod(step - config.num_burnin, config.steps_per_draw)
        if draw < 0:
            burnin_loss[:, step] = losses
        elif between == config.steps_per_draw - 1:
            loss[:, draw] = losses
            displacement[:, draw] = offset.norm(dim=1)
            if config.paired:
                baseline[:, draw] = draw_baseline(minibatch)
        noise, following = following, _normal(noise_streams, centre)
        kick = noise if config.integrator == "euler" else (noise + following).div_(2)
        if preconditioner is None:
            position.add_(gradients, alpha=-0.5 * config.step_size * config.n_beta)
            position.add_(offset, alpha=-0.5 * config.step_size * config.localization)
            position.add_(kick, alpha=config.step_size**0.5)
        else:
            force = gradients.mul_(config.n_beta).add_(offset, alpha=config.localization)
            position.add_(preconditioner.apply(force), alpha=-0.5 * config.step_size)
            position.add_(preconditioner.apply(kick, 0.5), alpha=config.step_size**0.5)
    return SGLDTrace(
        burnin_loss.cpu(), loss.cpu(), baseline.cpu() if config.paired else None, displacement.cpu()
    )


def _normal(streams: Sequence[torch.Generator], like: Tensor) -> Tensor:
    """Return the next standard normal vector of each stream, shape (stream, num_parameters)."""
    result = like.new_empty((len(streams), *like.shape))
    for row, stream in zip(result, streams, strict=True):
        torch.randn(like.shape, generator=stream, out=row)
    return result


def _begin(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    centre: Tensor,
    batches: BatchSource,
    config: SGLDConfig,
    key: StreamKey,
) -> tuple[Tensor, Preconditioner | None]:
    """Return where chains begin, shape (chain, num_parameters), and how their steps are scaled."""
    position = centre.expand(config.num_chains, -1).clone()
    if not config.uses_curvature:
        return position, None
    own = key.child("curvature")
    if callable(batches):
        batch = batches(own.child("batch"))
    else:
        batch = tuple(part[:CURVATURE_SAMPLES] for part in batches)
    around = loss_fn, layout, centre, batch, config.n_beta, config.localization, own
    kind = config.preconditioner
    estimates = {
        name: covariance_estimate(name, *around)
        for name in {kind, _spread(config)} - {"none"}  # one measurement where they are the same
    }
    if config.start == "gaussian":
        spread = estimates[_spread(config)]
        for chain in range(config.num_chains):
            stream = key.child("start", chain).generator(centre.device)
            normal = torch.randn(centre.shape, generator=stream, device=centre.device)
            position[chain] += spread.apply(normal.to(centre.dtype), 0.5)
    if kind == "none":
        return position, None
    return position, normalised(estimates[kind], *around)


def _spread(config: SGLDConfig) -> str:
    """Return the kind of covariance from which chains begin."""
    if config.start == "checkpoint":
        return "none"
    return "hessian" if config.preconditioner in ("none", "scalar") else config.preconditioner
