"""Stochastic gradient Langevin dynamics around a checkpoint (Welling & Teh 2011; Lau et al. 2023).

Every chain samples `llc.posterior.Posterior` with the update, for minibatch loss L_m and step size
epsilon,

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

from stagewise.core.seeding import StreamKey
from stagewise.llc.minibatches import BatchSource, Minibatch, baselines, minibatches
from stagewise.llc.posterior import Posterior
from stagewise.llc.preconditioning import (
    Curvature,
    Preconditioner,
    covariance_estimate,
    curvature_samples,
    normalised,
)
from stagewise.llc.sampling import Trace, Visit, joined, run
from stagewise.llc.settings import SGLDConfig


@dataclass
class LangevinState:
    """Where some chains are, and the streams that their next steps draw from.

    Parameters
    ----------
    position : Tensor, shape (chain, num_parameters)
    noise : Tensor, shape (chain, num_parameters)
        The normal draw of the next step.
    draw_batches : callable
        Gives a step its minibatches; see `llc.minibatches.minibatches`.
    streams : list of torch.Generator
        Of each chain's noise.
    """

    position: Tensor
    noise: Tensor
    draw_batches: Callable[[int], Minibatch]
    streams: list[torch.Generator]


@dataclass(frozen=True)
class Langevin:
    """The kernel of SGLD.

        w <- w - (epsilon / 2) P (n_beta grad L_m(w) + gamma (w - w*)) + sqrt(epsilon) P^(1/2) N(0, I)

    Parameters
    ----------
    posterior : Posterior
    batches : tuple of Tensor or callable
        See `sample_chains`.
    config : SGLDConfig
        Its n_beta and localization are not used: the posterior has them.
    key : StreamKey
    starts : Tensor, shape (num_chains, num_parameters)
        Where chains begin.
    preconditioner : Preconditioner, optional
        P; 1 without it.
    """

    posterior: Posterior
    batches: BatchSource
    config: SGLDConfig
    key: StreamKey
    starts: Tensor
    preconditioner: Preconditioner | None

    @classmethod
    def prepared(
        cls,
        posterior: Posterior,
        batches: BatchSource,
        config: SGLDConfig,
        key: StreamKey,
        together: int | None = None,
        curvatures: dict[str, Curvature] | None = None,
    ) -> Langevin:
        """Return the kernel for a configuration; measures the curvature at w* where it needs it.

        `together` is how many samples are differentiated at a time, as many as the chains take, and
        `curvatures` holds what is known already.
        """
        starts = posterior.centre.expand(config.num_chains, -1).clone()
        preconditioner = None
        if config.uses_curvature:
            own = key.child("curvature")
            batch = (
                batches(own.child("batch"))
                if callable(batches)
                else curvature_samples(batches, own)
            )
            kind, spread = config.preconditioner, _spread(config)
            estimates = {
                name: covariance_estimate(name, posterior, batch, own, together, curvatures)
                for name in {kind, spread} - {"none"}  # one measurement where they are the same
            }
            if spread != "none":
                starts += spread_around(posterior.centre, estimates[spread], config, key)
            if kind != "none":
                preconditioner = normalised(estimates[kind], posterior, batch, own, together)
        return cls(posterior, batches, config, key, starts, preconditioner)

    def baseline(self, together: int) -> Callable[[Minibatch], Tensor] | None:
        """Return what gives minibatches their losses at w*, if draws are paired."""
        config = self.config
        if not config.paired:
            return None
        num_paired = config.num_chains * config.num_draws * config.batch_size
        return baselines(self.posterior, self.batches, num_paired, together * config.batch_size)

    def init(self, chains: range) -> LangevinState:
        """Return some chains at their starts."""
        centre = self.posterior.centre
        streams = [self.key.child("noise", chain).generator(centre.device) for chain in chains]
        return LangevinState(
            self.starts[chains.start : chains.stop].clone(),
            _normal(streams, centre),
            minibatches(self.batches, chains, self.config.batch_size, self.key),
            streams,
        )

    def step(self, state: LangevinState, number: int) -> tuple[LangevinState, Visit]:
        """Move every chain, in place; what is seen is where they were."""
        posterior, position = self.posterior, state.position
        minibatch = state.draw_batches(number)
        losses, gradients = posterior.losses_and_gradients(position, minibatch.samples)
        offset = position - posterior.centre
        following = _normal(state.streams, posterior.centre)
        self.move(position, gradients, offset, (state.noise, following))
        state.noise = following
        return state, Visit(losses, offset, minibatch)

    def move(
        self, position: Tensor, gradients: Tensor, offset: Tensor, noise: tuple[Tensor, Tensor]
    ) -> None:
        """Move chains in place, given their gradients, w - w*, and the noise of this step and the next.

        Each of shape (chain, num_parameters); uses up the gradients. Operations on the device alone.
        """
        posterior, config = self.posterior, self.config
        kick, following = noise
        if config.integrator == "averaged":
            kick = (kick + following).div_(2)
        if self.preconditioner is None:
            position.add_(gradients, alpha=-0.5 * config.step_size * posterior.n_beta)
            position.add_(offset, alpha=-0.5 * config.step_size * posterior.localization)
            position.add_(kick, alpha=config.step_size**0.5)
        else:
            apply, force = self.preconditioner.apply, posterior.force(gradients, offset)
            position.add_(apply(force), alpha=-0.5 * config.step_size)
            position.add_(apply(kick, 0.5), alpha=config.step_size**0.5)


def _normal(streams: Sequence[torch.Generator], like: Tensor) -> Tensor:
    """Return the next standard normal vector of each stream, shape (stream, num_parameters)."""
    result = like.new_empty((len(streams), *like.shape))
    for row, stream in zip(result, streams, strict=True):
        torch.randn(like.shape, generator=stream, out=row)
    return result


def _spread(config: SGLDConfig) -> str:
    """Return the kind of covariance from which chains begin."""
    if config.start == "checkpoint":
        return "none"
    return "hessian" if config.preconditioner in ("none", "scalar") else config.preconditioner


def spread_around(
    centre: Tensor, spread: Preconditioner, config: SGLDConfig, key: StreamKey
) -> Tensor:
    """Return a draw of N(0, P) for every chain, shape (chain, num_parameters)."""
    offsets = []
    for chain in range(config.num_chains):
        stream = key.child("start", chain).generator(centre.device)
        normal = torch.randn(centre.shape, generator=stream, device=centre.device)
        offsets.append(spread.apply(normal.to(centre.dtype), 0.5))
    return torch.stack(offsets)


def sample_chains(
    posterior: Posterior,
    batches: BatchSource,
    config: SGLDConfig,
    key: StreamKey,
    chains_at_a_time: int | None = None,
    curvatures: dict[str, Curvature] | None = None,
) -> Trace:
    """Run all chains from one checkpoint, side by side or some at a time.

    Minibatches and noise are functions of (`key`, chain, step) alone: the same key gives every
    checkpoint the same ones, and a chain does not depend on how many run beside it.

    Parameters
    ----------
    posterior : Posterior
    batches : tuple of Tensor or callable
        Samples along the leading axis, from which minibatches are drawn with replacement; or
        ``batches(stream_key) -> batch``.
    config : SGLDConfig
        Its n_beta and localization are not used: the posterior has them.
    key : StreamKey
    chains_at_a_time : int, optional
        How many run side by side, which takes their memory together; all without it. No effect on
        results beyond rounding.
    curvatures : dict of str to Curvature, optional
        See `llc.preconditioning.covariance_estimate`.

    Returns
    -------
    Trace
        The first loss is at the chain's start.
    """
    together = chains_at_a_time or config.num_chains
    kernel = Langevin.prepared(
        posterior, batches, config, key, together * config.batch_size, curvatures
    )
    baseline = kernel.baseline(together)
    lengths = {
        name: getattr(config, name) for name in ("num_burnin", "num_draws", "steps_per_draw")
    }
    groups = groups_of(config.num_chains, together)
    return joined([run(kernel, group, **lengths, baseline=baseline)[0] for group in groups])


def groups_of(count: int, together: int) -> list[range]:
    """Return the numbers of chains that run side by side, group by group."""
    return [range(first, min(first + together, count)) for first in range(0, count, together)]
