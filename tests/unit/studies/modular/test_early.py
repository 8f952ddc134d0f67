"""Early cross-entropy of logits that are known, and phases of drawn modes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.early import fit_early
from stagewise.studies.modular.phases import find_mode_phases

KEY = StreamKey(8, ("early",))

# Early training


def learning(num_classes: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return losses and mean correct logits as correct logits rise from 0 to 3 among noise."""
    generator = KEY.child(num_classes).generator()
    labels = torch.randint(num_classes, (400,), generator=generator)
    other = spread * torch.randn(400, num_classes, generator=generator, dtype=torch.float64)
    losses, correct = [], []
    for size in torch.linspace(0, 3, 40).double():
        logits = other + 5 + size * F.one_hot(labels, num_classes)
        losses.append(F.cross_entropy(logits, labels).item())
        right = logits.gather(-1, labels[:, None])[:, 0]
        correct.append((right - logits.mean(-1)).mean().item())
    return np.array(losses), np.array(correct)


def test_the_slope_nears_minus_one_as_classes_grow():
    """The slope is -(1 - P) / (1 - 1/K), with P the chance of the correct class: up to 0.45 or 0.004."""
    found = [fit_early(*learning(count, 0.05), count, 0.8) for count in (5, 50, 500)]
    slopes = [one.slope for one in found]
    assert -1 < slopes[0] < -0.55 / 0.8
    assert slopes[0] > slopes[1] + 0.05 > slopes[2] + 0.05
    assert slopes[2] == pytest.approx(-1, abs=0.03)
    assert all(one.correlation < -0.99 for one in found)
    assert found[2].largest_error < 0.05 < found[0].largest_error


def test_only_early_records_count():
    loss, correct = learning(500, 0.05)
    early = fit_early(loss, correct, 500, 0.5)
    assert early.num_records == np.sum(loss >= loss[0] - 0.5)
    bent = np.where(loss >= loss[0] - 0.5, correct, 100.0)
    assert fit_early(loss, bent, 500, 0.5) == early


def test_the_window_is_the_same_at_any_number_of_classes():
    """Losses that bend alike have one slope; a window of a fifth of log K would find them to differ."""
    correct = np.linspace(0, 4, 400)
    found = [fit_early(np.log(k) - correct + 0.1 * correct**2, correct, k, 0.5) for k in (11, 97)]
    by_share = [
        fit_early(np.log(k) - correct + 0.1 * correct**2, correct, k, 0.2 * np.log(k))
        for k in (11, 97)
    ]
    assert found[0].slope == pytest.approx(found[1].slope, abs=1e-9)
    assert by_share[1].slope > by_share[0].slope + 0.05


def test_what_is_too_short_or_flat_has_no_slope():
    loss, correct = learning(50, 0.0)
    assert np.isnan(fit_early(loss[:2], correct[:2], 50, 0.2).slope)
    assert np.isnan(fit_early(np.ones(9), correct[:9], 50, 0.2).slope)
    diverged = np.r_[loss[:5], np.full(35, np.nan)]
    assert fit_early(diverged, correct, 50, 9.0).num_records == 5


def test_impossible_early_records_are_refused():
    with pytest.raises(ValueError, match="same records"):
        fit_early(np.ones(3), np.ones(4), 5, 0.2)
    with pytest.raises(ValueError, match="fall"):
        fit_early(np.ones(3), np.ones(3), 5, 0.0)


# Phases of a mode

STEPS = np.arange(0, 2001, 5.0)


def test_a_sigmoid_has_three_phases():
    found = find_mode_phases(STEPS, 2.5 / (1 + np.exp(-(STEPS - 800) / 50)))
    assert found.start == pytest.approx(800 - 50 * np.log(9), abs=1)
    assert found.end == pytest.approx(800 + 50 * np.log(9), abs=1)
    assert found.fast_speed == pytest.approx(0.8 / (100 * np.log(9)), rel=0.01)
    assert found.warm_up_speed == pytest.approx(0.1 / found.start, rel=0.01)
    assert found.saturated_speed == pytest.approx(0.1 / (2000 - found.end), rel=0.01)
    assert found.are_three(10)
    assert not found.are_three(30)


@pytest.mark.parametrize(
    "contribution",
    [STEPS, 1 - np.exp(-STEPS / 200), np.exp(STEPS / 200), 0.1 * STEPS - 5000],
    ids=["line", "no warm-up", "no saturation", "never"],
)
def test_other_curves_have_not(contribution):
    assert not find_mode_phases(STEPS, contribution).are_three(3)


def test_a_mode_that_falls_again_saturates():
    found = find_mode_phases(STEPS, np.exp(-(((STEPS - 900) / 200) ** 2)))
    assert found.saturated_speed < 0
    assert found.are_three(3)
