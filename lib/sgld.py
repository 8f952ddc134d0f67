"""Stochastic gradient Langevin dynamics around a checkpoint (Welling & Teh 2011; Lau et al. 2023).

Every chain samples the localised tempered posterior

    p(w | w*, n_beta, gamma)  ~  exp( -n_beta L_n(w) - (gamma / 2) |w - w*|^2 )

with the update, for minibatch loss L_m and step size epsilon,

    w <- w - (epsilon / 2) ( n_beta grad L_m(w) + gamma (w - w*) ) + sqrt(epsilon) N(0, I).

(epsilon / 2 with sqrt(epsilon), as in the published code; some libraries write epsilon and
sqrt(2 epsilon) for the same dynamics.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lib.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    stacked_losses_and_gradients,
)
from lib.seeding import StreamKey

BatchSource = Batch | Callable[[StreamKey], Batch]


@dataclass(frozen=True)
class SGLDConfig:
    """Settings of the sampler.

    Parameters
    ----------
    step_size : float
        epsilon.
    n_beta : float
        Inverse temperature times number of samples; only the product enters. Watanabe's choice for n
        samples is n / log(n).
    localization : float
        gamma, strength of the pull towards w*.
    num_chains : int
        Independent chains, all begun at w*.
    num_burnin : int
        Steps of a chain before the first draw.
    num_draws : int
        Draws of a chain, one a step.
    batch_size : int
        m, samples in a minibatch. Not used when batches come from a callable.

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    step_size: float
    n_beta: float
    localization: float
    num_chains: int
    num_burnin: int
    num_draws: int
    batch_size: int

    def __post_init__(self) -> None:
        least = {
            "step_size": (0, False),
            "n_beta": (0, False),
            "localization": (0, True),
            "num_chains": (1, True),
            "num_burnin": (0, True),
            "num_draws": (2, True),
            "batch_size": (1, True),
        }
        for name, (bound, inclusive) in least.items():
            value = getattr(self, name)
            if not (value >= bound if inclusive else value > bound):
                relation = "at least" if inclusive else "greater than"
                raise ValueError(f"SGLDConfig.{name} must be {relation} {bound}, not {value}")


@dataclass(frozen=True)
class SGLDTrace:
    """What the chains saw.

    Parameters
    ----------
    loss : Tensor, shape (num_chains, num_burnin + num_draws)
        L_m(w_t), minibatch loss at the chain's position.
    baseline : Tensor, shape (num_chains, num_draws)
        L_m(w*) on the same minibatch as each draw; not needed, so not computed, during burn-in.
    displacement : Tensor, shape (num_chains, num_draws)
        |w_t - w*|, Euclidean.
    """

    loss: Tensor
    baseline: Tensor
    displacement: Tensor


def sample_chains(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    centre: Tensor,
    batches: BatchSource,
    config: SGLDConfig,
    key: StreamKey,
) -> SGLDTrace:
    """Run all chains side by side from one checkpoint.

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

    Returns
    -------
    SGLDTrace
        The loss at a step belongs to the position before the step's update, so the first is w*.
    """
    chains = range(config.num_chains)
    noise_streams = [key.child("noise", chain).generator(centre.device) for chain in chains]
    draw_batches = _minibatches(batches, config, key)
    position = centre.expand(config.num_chains, -1).clone()
    noise = torch.empty_like(position)
    num_steps = config.num_burnin + config.num_draws
    loss = torch.empty(config.num_chains, num_steps, device=centre.device)
    baseline, displacement = torch.empty(
        2, config.num_chains, config.num_draws, device=centre.device
    )
    for step in range(num_steps):
        minibatch = draw_batches(step)
        loss[:, step], gradients = stacked_losses_and_gradients(
            loss_fn, layout, position, minibatch
        )
        offset = position - centre
        draw = step - config.num_burnin
        if draw >= 0:
            baseline[:, draw] = _losses_at(loss_fn, layout, centre, minibatch)
            displacement[:, draw] = offset.norm(dim=1)
        for chain, stream in enumerate(noise_streams):
            torch.randn(centre.shape, generator=stream, out=noise[chain])
        position.add_(gradients, alpha=-0.5 * config.step_size * config.n_beta)
        position.add_(offset, alpha=-0.5 * config.step_size * config.localization)
        position.add_(noise, alpha=config.step_size**0.5)
    return SGLDTrace(loss.cpu(), baseline.cpu(), displacement.cpu())


def _minibatches(
    batches: BatchSource, config: SGLDConfig, key: StreamKey
) -> Callable[[int], Batch]:
    """Return a function from the step to stacked minibatches, shape (chain, batch_size, ...)."""
    if callable(batches):
        source = batches

        def generated(step: int) -> Batch:
            parts = [source(key.child("batch", chain, step)) for chain in range(config.num_chains)]
            return tuple(torch.stack(column) for column in zip(*parts, strict=True))

        return generated

    data = batches
    streams = [key.child("batch", chain).generator() for chain in range(config.num_chains)]

    def drawn(step: int) -> Batch:
        rows = torch.stack(
            [torch.randint(len(data[0]), (config.batch_size,), generator=s) for s in streams]
        ).to(data[0].device)
        return tuple(part[rows] for part in data)

    return drawn


@torch.no_grad()
def _losses_at(
    loss_fn: LossFunction, layout: ParameterLayout, centre: Tensor, minibatch: Batch
) -> Tensor:
    """Return the loss of one parameter vector on every chain's minibatch, shape (chain,)."""
    params = layout.unflatten(centre)
    if len(minibatch[0]) == 1:
        return loss_fn(params, tuple(part[0] for part in minibatch))[None]
    return torch.func.vmap(lambda *batch: loss_fn(params, batch))(*minibatch)
