"""Hamiltonian Monte Carlo: exact where the posterior is known, reversible, and clear about bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.exact.hamiltonian import FIRST_STEP, DualAveraging, Point, leapfrog, move
from stagewise.exact.hmc import posterior_energy, sample_hmc
from stagewise.exact.layout import HMC_ESTIMATE
from stagewise.exact.potentials import Potential
from stagewise.exact.reference_models import reduced_rank_regression
from stagewise.exact.settings import HMCConfig
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.posterior import Posterior
from stagewise.llc.preconditioning import Preconditioner
from stagewise.llc.settings import SGLDConfig
from tests.layouts import assert_keeps

KEY = StreamKey(0, ("test",))
DATA = (torch.zeros(1),)
CURVATURES = torch.tensor([0.01, 0.1, 1.0, 10.0, 30.0] * 4)


def quadratic(params: Params, batch: Batch) -> Tensor:
    return (CURVATURES.to(params["w"].dtype) * params["w"].square()).sum() / 2


def config_of(**change: object) -> HMCConfig:
    settings: dict = {
        "n_beta": 50.0,
        "localization": 2.0,
        "num_chains": 12,
        "num_burnin": 150,
        "num_draws": 300,
        "leapfrog_steps": 12,
    }
    return HMCConfig(**settings | change)


# The exact posterior


@pytest.mark.parametrize(
    ("leapfrog_steps", "preconditioner", "target", "num_draws"),
    [
        (12, "scalar", 0.8, 300),
        (4, "hessian", 0.8, 300),
        (4, "lanczos", 0.7, 300),
        (1, "hessian", 0.57, 1500),
    ],
)
def test_quadratic_is_sampled_exactly(leapfrog_steps, preconditioner, target, num_draws):
    """Also by MALA, the case of one step."""
    config = config_of(
        leapfrog_steps=leapfrog_steps,
        preconditioner=preconditioner,
        target_acceptance=target,
        num_draws=num_draws,
    )
    result = sample_hmc(quadratic, {"w": torch.zeros(20)}, DATA, config, key=KEY)
    stiffness = 50 * CURVATURES
    exact = (stiffness / (stiffness + 2)).sum().item() / 2
    assert float(result.llc_stderr) < 0.03 * exact
    assert abs(float(result.llc_mean) - exact) < 4 * float(result.llc_stderr)
    assert result.attrs["verdict"] == "ok"
    assert abs(float(result.acceptance.mean()) - target) < 0.12


def test_quartic_agrees_with_quadrature():
    toy = Potential("toy", (2,) * 8)
    model = toy.model()
    result = sample_hmc(
        model.loss_fn, model.params_at(0), model.samples, config_of(n_beta=300.0), key=KEY
    )
    exact = toy.finite(300.0, 2.0)
    assert float(result.llc_stderr) < 0.03 * exact
    assert abs(float(result.llc_mean) - exact) < 4 * float(result.llc_stderr)


def test_sgld_of_small_steps_agrees():
    model = reduced_rank_regression(4, 3, 2, 1, num_samples=200, noise_std=0.3, key=KEY)
    hmc = sample_hmc(
        model.loss_fn, model.params_at(0), model.samples, config_of(localization=5.0), key=KEY
    )
    sampler = SGLDConfig(1e-3, 50.0, 5.0, 12, 200, 800, 200)
    sgld = estimate_llc(model.loss_fn, model.params_at(0), model.samples, sampler, key=KEY)
    joint = np.hypot(float(hmc.llc_stderr), float(sgld.llc_stderr))
    assert joint < 0.1 * float(hmc.llc_mean)
    assert abs(float(hmc.llc_mean - sgld.llc_mean)) < 4 * joint


# Detailed balance

QUARTIC = Potential("toy", (2,), scale=1.0)
GAMMA, N_BETA = 1.0, 4.0


def in_equilibrium(count: int) -> Tensor:
    """Return exact draws of the posterior of a quartic, shape (count, 1), by inversion."""
    grid = torch.linspace(-4, 4, 20_001, dtype=torch.float64)
    weight = torch.exp(-N_BETA * grid**4 - GAMMA / 2 * grid**2).cumsum(0)
    at = torch.rand(count, generator=KEY.child("exact").generator(), dtype=torch.float64)
    return grid[torch.searchsorted(weight / weight[-1], at)][:, None]


@pytest.mark.parametrize(("step_size", "num_steps"), [(1.1, 1), (0.9, 3)])
def test_moves_keep_detailed_balance(step_size, num_steps):
    """In equilibrium as many chains go from a region to another as come back."""
    count = 40_000
    model = QUARTIC.model()
    centre = torch.zeros(1, dtype=torch.float64)
    posterior = Posterior.around({"w": centre}, model.loss_fn, N_BETA, GAMMA)
    evaluate = posterior_energy(posterior, model.samples)
    metric = Preconditioner(torch.ones_like(centre), centre.new_empty(0, 1), centre.new_empty(0))
    start = evaluate(in_equilibrium(count))
    stream = KEY.child("move").generator()
    velocity = torch.randn(count, 1, generator=stream, dtype=torch.float64)
    uniform = torch.rand(count, generator=stream, dtype=torch.float64)
    end, probability = move(evaluate, metric, start, velocity, uniform, step_size, num_steps)
    assert 0.2 < probability.mean() < 0.9  # large enough steps for rejection to matter
    proposed, _ = leapfrog(evaluate, metric, start, velocity, step_size, num_steps)

    def imbalance(after: Point) -> float:
        """Return the largest difference of flows between regions of |w|, in standard errors."""
        edges = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
        before_in, after_in = (
            torch.bucketize(point.position[:, 0].abs(), edges) for point in (start, after)
        )
        flow = torch.zeros(4, 4, dtype=torch.float64)
        flow.index_put_((before_in, after_in), torch.ones((), dtype=torch.float64), accumulate=True)
        error = (flow + flow.T).clamp(min=1).sqrt()
        return float(((flow - flow.T).abs() / error).max())

    assert imbalance(end) < 4
    assert imbalance(proposed) > 10  # without rejection it is lost


def test_leapfrog_is_reversible_and_keeps_volume():
    centre = torch.zeros(20, dtype=torch.float64)
    evaluate = posterior_energy(Posterior.around({"w": centre}, quadratic, 50.0, 2.0), DATA)
    variance = 1 / (50 * CURVATURES.double() + 2)
    metric = Preconditioner(variance, centre.new_empty(0, 20), centre.new_empty(0))
    generator = KEY.generator()
    position, velocity = torch.randn(2, 3, 20, generator=generator, dtype=torch.float64)
    start = evaluate(position)
    end, last = leapfrog(evaluate, metric, start, velocity, 0.3, 7)
    back, turned = leapfrog(evaluate, metric, end, -last, 0.3, 7)
    assert (end.position - position).abs().max() > 0.1
    torch.testing.assert_close(back.position, position)
    torch.testing.assert_close(turned, -velocity)
    # The dynamics are linear here: their matrix is read off unit vectors.
    units = torch.eye(40, dtype=torch.float64)
    ends, speeds = leapfrog(evaluate, metric, evaluate(units[:, :20]), units[:, 20:], 0.3, 7)
    determinant = torch.linalg.det(torch.cat([ends.position, speeds], dim=1))
    torch.testing.assert_close(determinant.abs(), torch.ones_like(determinant))


def test_runaway_moves_are_rejected():
    params = {"w": torch.zeros(20)}
    evaluate = posterior_energy(Posterior.around(params, quadratic, 50.0, 2.0), DATA)
    metric = Preconditioner(torch.ones(20), torch.empty(0, 20), torch.empty(0))
    start = evaluate(torch.ones(2, 20))
    uniform = torch.zeros(2, dtype=torch.float64)
    end, probability = move(evaluate, metric, start, torch.ones(2, 20), uniform, 1e6, 30)
    assert probability.tolist() == [0, 0]
    assert torch.equal(end.position, start.position)


# Settings and reproducibility


def test_step_size_is_adapted_to_the_target():
    """The acceptance of a toy falls as exp(-h): the step that gives 0.8 is known."""
    adaptation = DualAveraging(0.8)
    for _ in range(2000):
        adaptation.update(float(np.exp(-adaptation.current)))
    assert adaptation.average == pytest.approx(-np.log(0.8), rel=0.05)
    assert DualAveraging(0.8).current == FIRST_STEP


def test_same_key_same_draws():
    params = {"w": torch.zeros(20)}
    small = config_of(num_burnin=10, num_draws=10)
    one, two = (sample_hmc(quadratic, params, DATA, small, key=KEY) for _ in range(2))
    xr.testing.assert_identical(one, two)
    other = sample_hmc(quadratic, params, DATA, small, key=KEY.child("other"))
    assert not np.array_equal(one.loss, other.loss)


def test_result_has_what_an_estimate_has():
    small = config_of(num_burnin=10, num_draws=10)
    params = {"w": torch.zeros(20)}
    result = sample_hmc(quadratic, params, DATA, small, key=KEY)
    sgld = estimate_llc(
        quadratic, params, DATA, SGLDConfig(1e-4, 50.0, 2.0, 12, 10, 10, 1), key=KEY
    )
    assert set(result.variables) == {*sgld.variables, "acceptance", "step_size"}
    assert {name: result[name].dims for name in sgld} == {name: sgld[name].dims for name in sgld}
    assert {"n_beta", "localization", "verdict", "reason", "failure"} <= set(result.attrs)
    assert_keeps(result, HMC_ESTIMATE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_beta": 0.0}, r"HMCConfig\.n_beta must be a number above 0, not 0"),
        ({"localization": 0.0}, "localization must be a number above 0"),
        ({"num_burnin": 0}, "num_burnin must be an integer of at least 1"),
        ({"leapfrog_steps": 0}, "leapfrog_steps must be an integer of at least 1"),
        ({"target_acceptance": 1.0}, "target_acceptance must be a number above 0 and below 1"),
        ({"preconditioner": "none"}, "preconditioner must be one of scalar"),
    ],
)
def test_settings_out_of_range_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        config_of(**change)


@pytest.mark.parametrize(
    ("params", "data", "message"),
    [
        ({}, DATA, "params is empty"),
        ({"w": torch.zeros(20, dtype=torch.int64)}, DATA, "leave integer tensors out"),
        ({"w": torch.full((20,), torch.nan)}, DATA, "NaN or infinity"),
        ({"w": torch.zeros(20)}, (torch.zeros(0),), "positive number of samples"),
        ({"w": torch.zeros(20)}, lambda key: DATA, "not a callable"),
        ({"w": torch.zeros(3)}, DATA, "loss_fn fails on a batch"),
    ],
)
def test_bad_input_is_refused_before_sampling(params, data, message):
    with pytest.raises(ValueError, match=message):
        sample_hmc(quadratic, params, data, config_of(), key=KEY)
