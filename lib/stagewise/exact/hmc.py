"""Hamiltonian Monte Carlo on the full-batch loss: a second opinion on an LLC (Duane et al. 1987).

Chains sample the posterior of `llc.sgld`,

    p(w | w*, n_beta, gamma)  ~  exp( -n_beta (L_n(w) - L_n(w*)) - (gamma / 2) |w - w*|^2 ),

with L_n over all samples, by the moves of `exact.hamiltonian`: proposals are accepted or rejected, so
that neither the step size nor minibatches bias the result.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    stacked_losses_and_gradients,
)
from stagewise.core.seeding import StreamKey, as_key
from stagewise.exact.hamiltonian import DualAveraging, Evaluate, Point, move
from stagewise.exact.settings import HMCConfig
from stagewise.llc.estimate import check_inputs, summarise
from stagewise.llc.preconditioning import (
    CURVATURE_SAMPLES,
    Preconditioner,
    covariance_estimate,
    normalised,
)
from stagewise.llc.sgld import SGLDTrace


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
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar Tensor``, the mean loss over the batch's samples.
    params : dict of str to Tensor
        w*, floating point.
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
    check_inputs(loss_fn, params, data, config, own)
    layout = ParameterLayout.of(params)
    centre = layout.flatten({name: value.detach() for name, value in params.items()})
    batch = tuple(part[:CURVATURE_SAMPLES] for part in data)
    around = loss_fn, layout, centre, batch, config.n_beta, config.localization
    curvature = own.child("curvature")
    estimated = covariance_estimate(config.preconditioner, *around, curvature)
    metric = normalised(estimated, *around, curvature)
    evaluate = posterior_energy(loss_fn, layout, centre, data, config)
    trace, acceptance, step_size = _run(evaluate, centre, metric, config, own)
    init_loss = evaluate(centre[None]).loss.item()
    result = summarise(trace, config, init_loss, len(centre), centre.norm().item())
    described = {
        "loss": "loss of all samples at w_t",
        "baseline_loss": "loss of all samples at w*",
        "burnin_loss": "loss of all samples during burn-in",
    }
    for name, long_name in described.items():
        result[name].attrs["long_name"] = long_name
    units = {"units": "1"}
    return result.assign(
        acceptance=(
            "chain",
            acceptance.numpy(),
            {**units, "long_name": "mean probability of acceptance"},
        ),
        step_size=((), step_size, {**units, "long_name": "leapfrog step after adaptation"}),
    )


def posterior_energy(
    loss_fn: LossFunction, layout: ParameterLayout, centre: Tensor, data: Batch, config: HMCConfig
) -> Evaluate:
    """Return the function from positions, shape (chain, num_parameters), to what is known there.

    Energies are differences to w*, taken in float64, so that they keep their digits.
    """

    def at(position: Tensor) -> tuple[Tensor, Tensor]:
        same = tuple(part.expand(len(position), *part.shape) for part in data)
        losses, gradients = stacked_losses_and_gradients(loss_fn, layout, position, same)
        return losses.double(), gradients

    reference, _ = at(centre[None])

    def evaluate(position: Tensor) -> Point:
        losses, gradients = at(position)
        offset = position - centre
        pull = config.localization / 2 * offset.double().square().sum(1)
        energy = config.n_beta * (losses - reference) + pull
        gradient = gradients.mul_(config.n_beta).add_(offset, alpha=config.localization)
        return Point(position, losses, energy, gradient)

    return evaluate


def _run(
    evaluate: Evaluate, centre: Tensor, metric: Preconditioner, config: HMCConfig, key: StreamKey
) -> tuple[SGLDTrace, Tensor, float]:
    """Run all chains from w*; their trace, acceptance (chain,) and step size."""
    chains = config.num_chains
    velocities = [key.child("velocity", chain).generator(centre.device) for chain in range(chains)]
    uniforms = [key.child("accept", chain).generator() for chain in range(chains)]
    lengths = key.child("length").generator()
    burnin_loss = torch.empty(chains, config.num_burnin, dtype=torch.float64)
    loss, displacement, accepted = torch.empty(3, chains, config.num_draws, dtype=torch.float64)
    adaptation = DualAveraging(config.target_acceptance)
    point = evaluate(centre.expand(chains, -1).clone())
    velocity = torch.empty_like(point.position)
    uniform = torch.empty(chains, dtype=torch.float64)
    for number in range(config.num_burnin + config.num_draws):
        draw = number - config.num_burnin
        for chain in range(chains):
            torch.randn(centre.shape, generator=velocities[chain], out=velocity[chain])
            torch.rand((), generator=uniforms[chain], out=uniform[chain])
        num_steps = int(torch.randint(1, config.leapfrog_steps + 1, (), generator=lengths))
        step_size = adaptation.current if draw < 0 else adaptation.average
        at = uniform.to(centre.device)
        point, probability = move(evaluate, metric, point, velocity, at, step_size, num_steps)
        if draw < 0:
            burnin_loss[:, number] = point.loss.cpu()
            adaptation.update(float(probability.mean()))
        else:
            loss[:, draw] = point.loss.cpu()
            displacement[:, draw] = (point.position - centre).double().norm(dim=1).cpu()
            accepted[:, draw] = probability.cpu()
    trace = SGLDTrace(burnin_loss, loss, None, displacement)
    return trace, accepted.mean(1), adaptation.average
