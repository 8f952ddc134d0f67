"""Sharpness of losses with known curvature, and where descent turns unstable."""

from __future__ import annotations

import pytest
import torch

from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.model import cross_entropy, initial_parameters
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings
from stagewise.studies.modular.sharpness import (
    Sharpness,
    measure_sharpness,
    stability_bound,
)
from stagewise.studies.modular.task import split

KEY = StreamKey(8, ("sharpness",))
CURVATURES = torch.linspace(0.5, 10, 60, dtype=torch.float64)
LAYOUT = ParameterLayout(("w",), ((60,),))
START = torch.ones(60, dtype=torch.float64)


def quadratic(params, batch):
    return 0.5 * (batch[0] * params["w"] ** 2).sum()


def test_sharpness_of_a_quadratic():
    found = measure_sharpness(quadratic, LAYOUT, START, (CURVATURES,), KEY, stability_bound(0.1))
    assert found.largest == pytest.approx(10, rel=1e-3)
    assert found.bound == pytest.approx(20)
    assert found.ratio == pytest.approx(0.5, rel=1e-3)


def test_preconditioned_sharpness():
    factor = CURVATURES.reciprocal() * torch.linspace(3, 1, 60).double()
    found = measure_sharpness(quadratic, LAYOUT, START, (CURVATURES,), KEY, 1.0, factor, 1e-6)
    assert found.largest == pytest.approx(3, rel=1e-4)


def test_sharpness_of_the_network_is_the_exact_one():
    task, network = TaskSettings(5, 0.6), NetworkSettings(3, 6)
    params = initial_parameters(network, task, KEY)
    layout, (data, _) = ParameterLayout.of(params), split(task, KEY)
    vector = layout.flatten(params).double()

    def loss(p, batch):
        return cross_entropy(p, network, batch)

    gradient = torch.func.jacrev(lambda w: loss(layout.unflatten(w), data))
    exact = torch.linalg.eigvalsh(torch.func.jacrev(gradient)(vector))[-1].item()
    found = measure_sharpness(loss, layout, vector, data, KEY, 1.0, tolerance=1e-6)
    assert found.largest == pytest.approx(exact, rel=1e-4)


def heavy_ball(rate, beta, averaged, curvature):
    position, speed = 1.0, 0.0
    for _ in range(3000):
        speed = beta * speed + (1 - beta if averaged else 1) * curvature * position
        position -= rate * speed
    return abs(position)


@pytest.mark.parametrize(("beta", "averaged"), [(0.0, False), (0.9, False), (0.9, True)])
def test_descent_is_unstable_above_the_bound_only(beta, averaged):
    bound = stability_bound(0.01, beta, averaged)
    assert heavy_ball(0.01, beta, averaged, 0.98 * bound) < 1e-3
    assert heavy_ball(0.01, beta, averaged, 1.02 * bound) > 1e3


def test_adams_bound():
    assert stability_bound(0.5, 0.9, averaged=True) == pytest.approx(38 / 0.5)
    assert Sharpness(38.0, stability_bound(1.0, 0.9, averaged=True)).ratio == pytest.approx(1)


@pytest.mark.parametrize(("rate", "momentum", "name"), [(0, 0, "rate"), (1, 1, "momentum")])
def test_impossible_optimisers_are_refused(rate, momentum, name):
    with pytest.raises(ValueError, match=name):
        stability_bound(rate, momentum)
