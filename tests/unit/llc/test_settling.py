"""Healthy chains are no diverged ones, and chains that never moved are not settled: on simulations.

Chains are of linear regression in d parameters, the loss of which is known, so that many of them cost
nothing; verdicts are of groups of four.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from stagewise.llc.estimate import estimate_llc, summarise
from stagewise.llc.posterior import Posterior
from stagewise.llc.sampling import Trace
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.settling import free_growth, ran_away

HEALTHY = SGLDConfig(5e-4, 145.0, 1.0, 4, 100, 300, 32)
STUCK = dataclasses.replace(HEALTHY, step_size=1e-8, n_beta=263.0, localization=10.0)
UNSTABLE = dataclasses.replace(HEALTHY, step_size=4.4 / 290, num_burnin=0, num_draws=100)


def simulated(curvature, config, num_chains, seed=0):
    """Return paired excess loss and displacement, each of shape (chain, draw), of SGLD from w*."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(np.asarray(curvature) / 2)
    offset = np.zeros((num_chains, len(scale)))
    excess, displacement = [], []
    for step in range(config.num_burnin + config.num_draws):
        inputs = rng.standard_normal((num_chains, config.batch_size, len(scale))) * scale
        noise = 0.5 * rng.standard_normal(inputs.shape[:2])
        moved = (inputs @ offset[..., None])[..., 0]
        if step >= config.num_burnin:
            excess.append((moved**2 - 2 * moved * noise).mean(1))
            displacement.append(np.linalg.norm(offset, axis=1))
        gradient = 2 * np.einsum("cm,cmd->cd", moved - noise, inputs) / config.batch_size
        force = config.n_beta * gradient + config.localization * offset
        kick = rng.standard_normal(offset.shape)
        offset = offset - config.step_size / 2 * force + config.step_size**0.5 * kick
    return np.stack(excess, 1), np.stack(displacement, 1)


def judged(curvature, config, num_chains):
    """Return how often groups of four chains get which verdict, and the share of chains left out."""
    excess, displacement = simulated(curvature, config, num_chains)
    start = Posterior.around({"w": torch.ones(len(curvature))}, None, config.n_beta, 0.0)
    posterior = dataclasses.replace(start, localization=config.localization)
    words = []
    for first in range(0, num_chains, 4):
        loss, moved = (torch.from_numpy(x[first : first + 4]) for x in (excess, displacement))
        trace = Trace(torch.empty(4, 0), loss, torch.zeros_like(loss), moved)
        words.append(summarise(trace, posterior, 0.0, dataclasses.asdict(config)))
    left_out = sum(int(one.num_diverged) for one in words) / num_chains
    return Counter(one.attrs["verdict"] for one in words), left_out


@pytest.mark.parametrize(("dimension", "num_chains"), [(1, 80), (2, 80), (10, 40), (100, 8)])
def test_no_healthy_chain_ran_away(dimension, num_chains):
    words, left_out = judged(np.full(dimension, 2.0), HEALTHY, num_chains)
    assert left_out == 0
    # Comparing halves of the draws has its own false alarms, at most one in twenty by design.
    assert words["ok"] >= 0.85 * words.total()


def test_a_single_sample_a_minibatch_is_no_divergence():
    noisy = dataclasses.replace(HEALTHY, batch_size=2, step_size=2e-4)
    assert judged(np.full(2, 2.0), noisy, 40)[1] == 0


@pytest.mark.parametrize(("dimension", "num_chains"), [(1, 40), (2, 40), (10, 20), (100, 8)])
def test_chains_with_too_long_steps_ran_away(dimension, num_chains):
    assert judged(np.full(dimension, 2.0), UNSTABLE, num_chains)[1] == 1


def test_chains_that_rest_on_a_far_plateau_ran_away():
    excess = np.full((2, 200), 400.0) + np.random.default_rng(0).normal(0, 1, (2, 200))
    assert ran_away(excess, np.ones((2, 200)), 10, 1.0).all()


def test_a_displacement_beyond_what_the_pull_allows_ran_away():
    displacement = np.ones((2, 50))
    displacement[1] = 200.0
    assert ran_away(np.ones((2, 50)), displacement, 10, 1.0).tolist() == [False, True]


@pytest.mark.parametrize(("dimension", "num_chains"), [(1, 80), (2, 80), (10, 40), (100, 8)])
def test_stuck_chains_are_not_ok(dimension, num_chains):
    words, left_out = judged(np.full(dimension, 2.0), STUCK, num_chains)
    assert left_out == 0
    assert words["ok"] <= 0.1 * words.total()


def test_flat_directions_that_still_widen_do_not_spoil_a_settled_loss():
    curvature = np.zeros(12)
    curvature[:3] = 2.0
    config = SGLDConfig(1e-4, 263.0, 10.0, 4, 150, 900, 32)
    assert judged(curvature, config, 40)[0]["ok"] >= 7  # of 10


def test_free_growth_is_that_of_a_line():
    line = np.arange(100, 700)[None] + 0.5
    early, late = np.array_split(line, 2, axis=1)
    share = (late.mean() - early.mean()) / line.mean()
    assert free_growth(100, 600) == pytest.approx(share, rel=1e-6)


def least_squares(count, dimension):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, dimension, generator=generator)
    targets = inputs.sum(1) + 0.5 * torch.randn(count, generator=generator)
    centre = torch.linalg.lstsq(inputs, targets[:, None]).solution[:, 0]

    def loss(params, batch):
        return (batch[0] @ params["w"] - batch[1]).square().mean()

    return loss, {"w": centre}, (inputs, targets)


def test_one_parameter_has_half():
    config = dataclasses.replace(HEALTHY, num_chains=8, num_draws=600, batch_size=256)
    result = estimate_llc(*least_squares(1000, 1), config, key=0)
    assert int(result.num_diverged) == 0
    assert float(result.llc_mean) == pytest.approx(0.498, abs=4 * float(result.llc_stderr))
    assert result.attrs["verdict"] == "ok"


def test_stuck_chains_say_what_to_change():
    result = estimate_llc(*least_squares(2000, 10), STUCK, key=0)
    assert result.attrs["verdict"] == "drifting"
    assert result.attrs["reason"] == (
        "chains still walk away from w* after 400 steps of the 2e+07 that flat directions take: raise "
        "step_size while chains stay, then num_burnin and num_draws"
    )


def test_a_degenerate_point_at_the_origin_is_not_converged():
    """A published case: lambda is 1/4, flat directions take 200,000 steps."""
    inputs = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))

    def loss(params, batch):
        first, second = params["w"].unbind()
        rows = torch.stack([first + second, first**2, first**2, second**2]).reshape(2, 2)
        return ((batch[0] @ rows.T).square() @ rows.T).square().sum(1).mean()

    config = SGLDConfig(1e-5, 80.0, 1.0, 5, 0, 500, 64)
    result = estimate_llc(loss, {"w": torch.zeros(2)}, (inputs,), config, key=0)
    assert result.attrs["verdict"] == "drifting"
