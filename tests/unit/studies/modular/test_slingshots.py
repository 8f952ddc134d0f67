"""Spikes and slingshots of drawn curves are found where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from stagewise.studies.modular.slingshots import find_slingshots, find_spikes
from stagewise.studies.modular.thresholds import SlingshotSettings

SETTINGS = SlingshotSettings(window=20, norm_rise=0.1, loss_rise=1.0, loss_floor=1e-8)
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
