"""The suite: its models, the rules that set the sampler, and estimates against exact values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.exact.layout import VALIDATION
from stagewise.exact.potentials import Potential
from stagewise.exact.reference_models import (
    end_to_end,
    linear_regression,
    population_linear_network,
    reduced_rank_regression,
    stiffest_curvature,
)
from stagewise.exact.settings import ValidationSettings
from stagewise.exact.suite import NETWORKS, RULES, run_case, sampler_of, suite

KEY = StreamKey(0, ("test",))
SMALL = ValidationSettings(num_chains=8, num_steps=200, num_toy_steps=200, num_volume_points=20_000)
CASES = {case.make().name: case for case in suite(KEY)}


# Potentials


@pytest.mark.parametrize(("n_beta", "gamma", "scale"), [(100, 1.0, 1.0), (5.0, 20.0, 0.3)])
def test_quadrature_of_a_quadratic_is_known_in_closed_form(n_beta, gamma, scale):
    toy = Potential("toy", (1, 1, 1), scale=scale)
    stiffness = 2 * scale * n_beta
    assert toy.finite(n_beta, gamma) == pytest.approx(1.5 * stiffness / (stiffness + gamma), 1e-9)


@pytest.mark.parametrize("half_powers", [(1, 1), (1, 2)])
def test_quadrature_of_a_product_does_not_depend_on_its_grid(half_powers):
    toy = Potential("toy", half_powers, product=True)
    fine = toy.finite(1e4, 4.0)
    assert toy.finite(1e4, 4.0, num_points=1201) == pytest.approx(fine, rel=1e-6)
    assert fine < toy.exact.value
    assert toy.finite(1e8, 4.0) > fine  # and it rises towards the exact value


def test_quadrature_agrees_with_weighted_points():
    """The same mean from 200,000 points of the prior, each weighted by its likelihood."""
    toy, n_beta, gamma = Potential("toy", (1, 2), product=True), 30.0, 2.0
    points = torch.randn(200_000, 2, generator=KEY.generator(), dtype=torch.float64) / gamma**0.5
    energy = n_beta * toy.loss(points)
    weight = torch.exp(-energy)
    mean = (weight * energy).sum() / weight.sum()
    error = (weight * (energy - mean)).square().sum().sqrt() / weight.sum()
    assert error < 0.01
    assert abs(mean - toy.finite(n_beta, gamma)) < 4 * error


def test_typical_curvature_of_a_sum():
    quadratic = Potential("toy", (1, 1), scale=3.0)
    assert quadratic.typical_curvature(10.0, 0.5) == pytest.approx(60.5)
    quartic = Potential("toy", (2,))
    c = quartic.typical_curvature(1000.0, 0.1)
    assert c == pytest.approx(0.1 + 1000 * 12 / c)  # curvature 12 w^2 at the distance c^(-1/2)
    assert Potential("toy", (2, 1)).typical_curvature(1000.0, 0.1) == pytest.approx(2000.1)


def test_products_are_of_two_and_have_no_typical_curvature():
    with pytest.raises(ValueError, match="two factors here, not 3"):
        Potential("toy", (1, 1, 1), product=True)
    with pytest.raises(ValueError, match="no typical size"):
        Potential("toy", (1, 1), product=True).typical_curvature(10.0, 1.0)


# Reference models


@pytest.mark.parametrize(("widths", "rank"), NETWORKS)
def test_networks_begin_at_an_optimum_of_the_rank_asked_for(widths, rank):
    model = population_linear_network(widths, rank)
    assert model.loss_fn(model.params_at(0), model.samples).item() == 0
    product = end_to_end(model.params_at(0))
    assert product.shape == (widths[-1], widths[0])
    assert torch.linalg.matrix_rank(product).item() == rank
    used = [torch.linalg.matrix_rank(weight).item() for weight in model.params_at(0).values()]
    assert used == [rank] * (len(widths) - 1)  # nothing beside what carries the map
    assert model.untrained_loss == rank / 2


def test_samples_and_population_have_the_same_loss():
    shape = {"num_inputs": 4, "num_outputs": 3, "num_hidden": 2, "rank": 1}
    sampled = reduced_rank_regression(**shape, num_samples=40_000, noise_std=0.0, key=KEY)
    population = population_linear_network((4, 2, 3), 1)
    assert sampled.exact_llc == population.exact_llc
    assert sampled.loss_fn(sampled.params_at(0), sampled.samples).item() == 0
    moved = {name: weight + 0.3 for name, weight in sampled.params_at(0).items()}
    expected = population.loss_fn(moved, population.samples).item()
    residual = sampled.samples[0] @ end_to_end(moved).T - sampled.samples[1]
    error = (residual.square().sum(1) / 2).std().item() / 200
    assert error < 0.02 * expected
    assert abs(sampled.loss_fn(moved, sampled.samples).item() - expected) < 4 * error
    assert sampled.untrained_loss == pytest.approx(population.untrained_loss, rel=0.05)


def test_label_noise_raises_the_loss_by_half_its_variance_an_output():
    model = reduced_rank_regression(4, 3, 2, 1, num_samples=20_000, noise_std=0.5, key=KEY)
    assert model.loss_fn(model.params_at(0), model.samples).item() == pytest.approx(
        3 * 0.125, rel=0.05
    )


def test_regression_has_the_curvatures_and_the_noise_it_says():
    model = linear_regression(5, 2, num_samples=40_000, noise_std=0.3, key=KEY)
    inputs, _ = model.samples
    curvatures = inputs.square().mean(0)
    expected = torch.cat([torch.logspace(-1, 1, 5), torch.zeros(2)])
    torch.testing.assert_close(curvatures, expected, rtol=0.05, atol=0)
    assert model.exact_llc == 2.5
    assert model.loss_fn(model.params_at(0), model.samples).item() == pytest.approx(0.045, rel=0.05)


def test_stiffest_curvature_of_a_quadratic_is_its_own_everywhere():
    model = Potential("toy", (1, 1, 1), scale=2.5, num_unused=2).model()
    assert model.num_parameters == 5
    assert stiffest_curvature(model, 1.0, KEY, num_draws=3) == pytest.approx(5.0, rel=1e-5)


# Rules


@pytest.mark.parametrize(
    "name", ["quadratic, scale 0.1", "product, w1^2 w2^2", "linear 4-2-8, rank 1"]
)
def test_sampler_follows_the_rule_of_its_family(name):
    case = CASES[name]
    model, rule = case.make(), RULES[case.family]
    sampler = sampler_of(case, model, SMALL, KEY)
    if rule.n_beta is not None:
        top = case.potential.typical_curvature(rule.n_beta, rule.localization)
        assert sampler.n_beta == rule.n_beta
    else:
        curvature = stiffest_curvature(model, rule.localization, KEY)
        top = sampler.n_beta * curvature + rule.localization
        times = sampler.step_size * rule.localization * SMALL.num_steps / 2
        assert times == pytest.approx(rule.relaxation)
    assert sampler.step_size * top / 4 == pytest.approx(rule.step_bias)
    assert sampler.num_burnin + sampler.num_draws == 200


def test_suite_has_every_case_of_the_formula_and_several_ranks():
    met = set()
    for (m, *hidden, n), r in NETWORKS:
        if len(hidden) > 1:
            met.add(f"{len(hidden) + 1} layers")
        elif m + hidden[0] < n + r:
            met.add("2")
        elif n + hidden[0] < m + r:
            met.add("3")
        elif m + n < hidden[0] + r:
            met.add("4")
        else:
            met.add("1, odd" if (m + n + hidden[0] + r) % 2 else "1, even")
    assert met == {"1, even", "1, odd", "2", "3", "4", "3 layers", "4 layers"}
    assert {0, 1, 2, 3, 4} <= {rank for _, rank in NETWORKS}
    assert len(NETWORKS) >= 12
    assert len(CASES) == len(suite(KEY))  # names tell the cases apart
    assert [*dict.fromkeys(case.family for case in suite(KEY))] == list(RULES)
    assert {case.known.multiplicity for case in suite(KEY)} >= {1, 2, 3}


# Estimates


@pytest.mark.parametrize(
    ("name", "max_stderr"),
    [("quadratic, d = 50", 0.04), ("quadratic, 4 of d = 20", 0.12), ("sum of 9 sextics", 0.08)],
)
def test_toys_are_estimated_within_their_errors(name, max_stderr):
    row = run_case(CASES[name], ValidationSettings(16, 12, 1200, 20_000), KEY)
    assert row["stderr"] < max_stderr * row["exact"]
    assert abs(row["estimate"] - row["finite"]) < 4 * row["stderr"]
    assert abs(row["independent"] - row["exact"]) < 4 * row["independent_stderr"] + 1e-6
    assert row["interval_low"] < row["estimate"] < row["interval_high"]


@pytest.mark.parametrize("name", ["linear 10-6-10, rank 4", "linear 4-10-4, rank 3"])
def test_networks_are_estimated_within_their_errors(name):
    """Finite n_beta and step size leave a few per cent at this length; see the figure."""
    row = run_case(CASES[name], ValidationSettings(16, 1500, 12, 20_000), KEY)
    assert row["stderr"] < 0.05 * row["exact"]
    assert abs(row["bias"]) < 4 * row["stderr"] + 0.05 * row["exact"]
    assert row["exact"] < 0.8 * row["num_parameters"] / 2  # far from what counting would give
    assert np.isnan(row["finite"])
    assert np.isnan(row["independent"])


def test_rows_keep_the_layout_and_depend_on_nothing_else():
    names = ["quadratic, d = 10", "product, w1^2 w2^4", "linear 8-2-5, rank 1"]
    rows = [run_case(CASES[name], SMALL, KEY) for name in names]
    table = VALIDATION.check(pd.DataFrame(rows))
    assert table["case"].tolist() == names
    again = run_case(CASES[names[1]], SMALL, KEY)
    pd.testing.assert_series_equal(pd.Series(again), pd.Series(rows[1]))
    assert run_case(CASES[names[1]], SMALL, KEY.child("other"))["estimate"] != again["estimate"]


@pytest.mark.parametrize(
    "name", ["regression, d = 10, n = 4096", "regression, 8 of d = 20, n = 4096"]
)
def test_minibatches_and_the_sampler_of_the_studies_leave_no_bias(name):
    row = run_case(CASES[name], ValidationSettings(12, 12, 1200, 20_000), KEY)
    assert row["stderr"] < 0.06 * row["exact"]
    assert abs(row["estimate"] - row["exact"]) < 4 * row["stderr"]


def test_a_strong_pull_leaves_a_count_of_curvatures_above_it():
    case = CASES["quadratic, scale 1, pull 5"]
    row = run_case(case, ValidationSettings(12, 12, 1200, 20_000), KEY)
    assert row["finite"] == pytest.approx(10 * 2 / (2 + 1000 / 100))
    assert abs(row["estimate"] - row["finite"]) < 4 * row["stderr"]
