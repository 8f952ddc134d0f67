"""Sharpness of losses with known curvature, where descent turns unstable, and drawn slingshots."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lib.modular.model import NetworkSettings, cross_entropy, initial_parameters
from lib.modular.sharpness import (
    Sharpness,
    SlingshotSettings,
    find_slingshots,
    find_spikes,
    measure_sharpness,
    stability_bound,
)
from lib.modular.task import TaskSettings, split
from lib.replicas import ParameterLayout
from lib.seeding import StreamKey

KEY = StreamKey(8, ("sharpness",))
CURVATURES = torch.linspace(0.5, 10, 60, dtype=torch.float64)
LAYOUT = ParameterLayout(("w",), ((60,),))
START = torch.ones(60, dtype=torch.float64)
SETTINGS = SlingshotSettings(window=20, norm_rise=0.1, loss_rise=1.0, loss_floor=1e-8)


def quadratic(params, batch):
    return 0.5 * (batch[0] * params["w"] ** 2).sum()


# Sharpness


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


# Slingshots

STEPS = np.arange(0.0, 1000, 2)


def bump(middle: float, width: float, height: float = 1.0) -> np.ndarray:
    return height * np.exp(-(((STEPS - middle) / width) ** 2))


def stair(middle: float, width: float, height: float) -> np.ndarray:
    return height / (1 + np.exp(-np.clip((STEPS - middle) / width, -50, 50)))


def falling_loss(*spikes: np.ndarray) -> np.ndarray:
    return np.exp(-0.01 * STEPS + sum(spikes, np.zeros_like(STEPS)))


def test_spikes_are_where_they_were_put():
    curve = np.exp(bump(300, 5, 0.5) + bump(700, 5, 0.3) + bump(500, 5, 0.05))
    found = find_spikes(STEPS, curve, 20, 0.1)
    assert [step for step, _ in found] == pytest.approx([300, 700], abs=2)
    assert [rise for _, rise in found] == pytest.approx([0.5, 0.3], rel=0.02)


@pytest.mark.parametrize(
    "logs",
    [
        0.05 * STEPS + 0.02 * np.sin(STEPS / 20),
        bump(500, 150, 2.0),
        -stair(300, 2, 3.0) - stair(600, 2, 3.0),
        0 * STEPS,
    ],
    ids=["steady growth", "wide hump", "two falls", "constant"],
)
def test_what_is_no_spike(logs):
    assert find_spikes(STEPS, np.exp(logs), 20, 0.25) == []


def test_spikes_do_not_depend_on_the_scale_or_the_grid():
    curve = np.exp(bump(300, 5, 0.5))
    kept = np.r_[0:145, 145:500:5]  # every second step, then every tenth
    (found,) = find_spikes(STEPS[kept], 1e4 * curve[kept], 20, 0.1)
    (expected,) = find_spikes(STEPS, curve, 20, 0.1)
    assert found == pytest.approx(expected)


def test_slingshots_are_spikes_of_both():
    norm = 5 * np.exp(bump(200, 5, 0.3) + bump(500, 5, 0.3))
    loss = falling_loss(bump(508, 4, 3.0), bump(800, 4, 3.0))
    (found,) = find_slingshots(STEPS, norm, loss, SETTINGS)
    assert found.step == pytest.approx(500, abs=2)
    assert found.loss_step == pytest.approx(508, abs=2)
    assert found.norm_rise == pytest.approx(0.3, rel=0.02)
    assert found.loss_rise == pytest.approx(3 - 0.2, abs=0.1)  # the loss falls by 0.2 in a window


def test_a_norm_that_steps_up_and_stays_is_a_slingshot():
    norm = np.exp(stair(400, 1, 0.4))
    (found,) = find_slingshots(STEPS, norm, falling_loss(bump(404, 4, 2.0)), SETTINGS)
    assert 396 <= found.step <= 420


def test_every_spike_is_used_once_and_the_nearest_pair_first():
    norm = np.exp(bump(300, 2, 0.3) + bump(312, 2, 0.3))
    alone = find_slingshots(STEPS, norm, falling_loss(bump(314, 2, 3.0)), SETTINGS)
    assert [found.step for found in alone] == pytest.approx([312], abs=2)
    both = falling_loss(bump(306, 2, 3.0), bump(320, 2, 3.0))
    found = find_slingshots(STEPS, norm, both, SETTINGS)
    assert [one.loss_step for one in found] == pytest.approx([306, 320], abs=2)


def test_rounding_of_a_vanished_loss_is_no_spike():
    loss = np.where(bump(500, 5) > 0.5, 1e-9, 1e-13)
    norm = np.exp(bump(500, 5, 0.3))
    assert find_slingshots(STEPS, norm, loss, SETTINGS) == []
    assert len(find_slingshots(STEPS, norm, 1e6 * loss, SETTINGS)) == 1


def test_impossible_settings_and_curves_are_refused():
    with pytest.raises(ValueError, match="window"):
        SlingshotSettings(0, 0.1, 1, 1e-8)
    with pytest.raises(ValueError, match="positive, finite"):
        find_spikes(STEPS, np.where(STEPS > 500, np.nan, 1.0), 20, 0.1)
    with pytest.raises(ValueError, match="increasing"):
        find_spikes(STEPS[::-1], np.ones_like(STEPS), 20, 0.1)
