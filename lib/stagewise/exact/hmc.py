"""Hamiltonian Monte Carlo on the full-batch loss: a second opinion on an LLC (Duane et al. 1987).

Chains sample `llc.posterior.Posterior` with L_n over all samples by the moves of `exact.hamiltonian`,

    u ~ N(0, I),   (w, u) -> leapfrog steps of w' = P^(1/2) u, u' = P^(1/2) grad log p(w):

proposals are accepted or rejected, so that neither the step size nor minibatches bias the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import torch
import xarray as xr
from torch import Tensor

from stagewise.core.kernels import differentiable_kernels
from stagewise.core.replicas import Batch, LossFunction
from stagewise.core.seeding import StreamKey, as_key
from stagewise.exact.hamiltonian import DualAveraging, Evaluate, Point, move
from stagewise.exact.layout import HMC_ESTIMATE
from stagewise.exact.settings import HMCConfig
from stagewise.llc.estimate import summarise
from stagewise.llc.inputs import checked_inputs
from stagewise.llc.posterior import Posterior
from stagewise.llc.preconditioning import (
    Preconditioner,
    covariance_estimate,
    curvature_samples,
    normalised,
)
from stagewise.llc.sampling import Visit, run


def sample_hmc(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    data: Batch,
    config: HMCConfig,
    *,
    key: int | StreamKey,
) -> xr.Dataset:
    """Estimate the LLC of a network at given parameters by Hamiltonian Monte Carlo.

    Parameters
    ----------
    loss_fn, params
        As `llc.estimate.estimate_llc`.
    data : tuple of Tensor
        The n samples along a leading axis; every step evaluates them all.
    config : HMCConfig
    key : int or StreamKey
        Names velocities, acceptances and lengths of moves.

    Returns
    -------
    xarray.Dataset
        As `llc.estimate.estimate_llc`, with losses over all samples; and ``acceptance(chain)``, the mean
        probability of acceptance over draws, and ``step_size``, h after adaptation.

    Raises
    ------
    ValueError
        If the inputs cannot be sampled: names what is wrong, before any sampling.
    """
    if callable(data):
        raise ValueError("HMC needs the loss of all samples: give these, not a callable")
    own = as_key(key)
    with differentiable_kernels(fused=False):
        inputs = checked_inputs(
            loss_fn, params, data, own, paired=False, curvature=True, n_beta=config.n_beta
        )
        posterior = replace(
            Posterior.around(inputs.params, inputs.loss_fn, config.n_beta, config.localization),
            serial=inputs.serial,
        )
        kernel = Hamiltonian.prepared(posterior, inputs.samples, config, own)
        trace, end = run(
            kernel,
            range(config.num_chains),
            num_burnin=config.num_burnin,
            num_draws=config.num_draws,
        )
        init_loss = kernel.evaluate(posterior.centre[None]).loss.item()
    result = summarise(trace, posterior, init_loss, asdict(config))
    return HMC_ESTIMATE.describe(
        result.assign(
            acceptance=("chain", trace.statistics["acceptance"].mean(1).numpy()),
            step_size=end.adaptation.average,
        )
    )


def posterior_energy(posterior: Posterior, data: Batch) -> Evaluate:
    """Return the function from positions, shape (chain, num_parameters), to what is known there.

    Energies are differences to w*, taken in float64, so that they keep their digits.
    """

    def at(position: Tensor) -> tuple[Tensor, Tensor]:
        same = tuple(part.expand(len(position), *part.shape) for part in data)
        losses, gradients = posterior.losses_and_gradients(position, same)
        return losses.double(), gradients

    reference, _ = at(posterior.centre[None])

    def evaluate(position: Tensor) -> Point:
        losses, gradients = at(position)
        offset = position - posterior.centre
        pull = posterior.localization / 2 * offset.double().square().sum(1)
        energy = posterior.n_beta * (losses - reference) + pull
        return Point(position, losses, energy, posterior.force(gradients, offset))

    return evaluate


@dataclass(frozen=True)
class HamiltonianState:
    """Where all chains are, the step size so far, and the streams of their next moves.

    Parameters
    ----------
    point : Point
    adaptation : DualAveraging
        Changed in place during the burn-in.
    velocities, uniforms : list of torch.Generator
        Of each chain's velocities and acceptances.
    lengths : torch.Generator
        Of the numbers of leapfrog steps.
    """

    point: Point
    adaptation: DualAveraging
    velocities: list[torch.Generator]
    uniforms: list[torch.Generator]
    lengths: torch.Generator


@dataclass(frozen=True)
class Hamiltonian:
    """The kernel of Hamiltonian Monte Carlo: one step is one move of `exact.hamiltonian.move`.

    Parameters
    ----------
    evaluate : callable
        See `posterior_energy`.
    centre : Tensor, shape (num_parameters,)
        w*, where chains begin.
    metric : Preconditioner
        P.
    config : HMCConfig
    key : StreamKey
    """

    evaluate: Evaluate
    centre: Tensor
    metric: Preconditioner
    config: HMCConfig
    key: StreamKey

    @classmethod
    def prepared(
        cls, posterior: Posterior, data: Batch, config: HMCConfig, key: StreamKey
    ) -> Hamiltonian:
        """Return the kernel for a configuration; measures the curvature at w*."""
        own = key.child("curvature")
        batch = curvature_samples(data, own)
        estimated = covariance_estimate(config.preconditioner, posterior, batch, own)
        metric = normalised(estimated, posterior, batch, own)
        return cls(posterior_energy(posterior, data), posterior.centre, metric, config, key)

    def init(self, chains: range) -> HamiltonianState:
        """Return chains at w*."""
        return HamiltonianState(
            self.evaluate(self.centre.expand(len(chains), -1).clone()),
            DualAveraging(self.config.target_acceptance),
            [self.key.child("velocity", c).generator(self.centre.device) for c in chains],
            [self.key.child("accept", chain).generator() for chain in chains],
            self.key.child("length").generator(),
        )

    def step(self, state: HamiltonianState, number: int) -> tuple[HamiltonianState, Visit]:
        """Move every chain; what is seen is where they are then."""
        shape, device = state.point.position.shape[1:], self.centre.device
        velocity = torch.empty_like(state.point.position)
        uniform = torch.empty(len(velocity), dtype=torch.float64)
        for chain in range(len(velocity)):
            torch.randn(shape, generator=state.velocities[chain], out=velocity[chain])
            torch.rand((), generator=state.uniforms[chain], out=uniform[chain])
        most, adaptation = self.config.leapfrog_steps, state.adaptation
        num_steps = int(torch.randint(1, most + 1, (), generator=state.lengths))
        adapting = number < self.config.num_burnin
        step_size = adaptation.current if adapting else adaptation.average
        point, probability = move(
            self.evaluate,
            self.metric,
            state.point,
            velocity,
            uniform.to(device),
            step_size,
            num_steps,
        )
        if adapting:
            adaptation.update(float(probability.mean()))
        offset = (point.position - self.centre).double()
        seen = Visit(point.loss, offset, statistics={"acceptance": probability})
        return replace(state, point=point), seen
