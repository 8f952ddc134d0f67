"""Measures of synthetic curves with a known plateau, exponent, number of bumps, growth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stagewise.core.intervals import holm, mean_interval, share_interval
from stagewise.studies.scurves.bumps import Bump, find_bumps, find_competitions, is_explained
from stagewise.studies.scurves.contrasts import bump_contrast
from stagewise.studies.scurves.curves import find_phases
from stagewise.studies.scurves.growth import find_growth
from stagewise.studies.scurves.tails import exponential_rate, fit_tail
from stagewise.studies.scurves.thresholds import CurveSettings

SETTINGS = CurveSettings(plateau_share=0.5, min_efoldings=1.0, floor=1e-9)
STEPS = np.unique(np.r_[0, np.geomspace(1, 1000, 400).round(), np.arange(0, 1001, 4)])


def s_curve(drops: list[tuple[float, float]]) -> np.ndarray:
    """Return a loss that falls from 2 to 1 by step 5, and by given factors around given steps."""
    loss = 1 + np.exp(-STEPS)
    for place, factor in drops:
        loss = loss * (factor + (1 - factor) / (1 + (STEPS / place) ** 12))
    return loss


# Phases


def test_a_known_plateau_is_found():
    found = find_phases(STEPS, s_curve([(100, 1e-3)]), 1.0, SETTINGS)
    assert found.num_plateaus == 1
    assert 1 <= found.decay_end < 10
    assert 50 < found.plateau_end < 100
    assert found.level == pytest.approx(1, rel=0.05)
    assert found.half_drop == pytest.approx(100, rel=0.03)
    assert found.length_ratio == pytest.approx(found.half_drop / found.decay_end)
    assert found.length_steps == pytest.approx(found.half_drop - found.decay_end)
    assert 0 < found.drop_steps < 60
    assert not found.censored
    assert found.least_rate < 0.05


def test_two_plateaus_are_two_and_the_first_sets_the_level():
    found = find_phases(STEPS, s_curve([(40, 1e-2), (300, 1e-2)]), 1.0, SETTINGS)
    assert found.num_plateaus == 2
    assert found.half_drop == pytest.approx(40, rel=0.05)


@pytest.mark.parametrize(
    "loss", [np.exp(-0.02 * STEPS), (1 + STEPS / 20) ** -1.9], ids=["exponential", "power law"]
)
def test_curves_without_a_plateau_have_none(loss):
    found = find_phases(STEPS, loss, 0.5, SETTINGS)
    assert found.num_plateaus == 0
    assert np.isnan(found.decay_end)
    assert (found.length_ratio, found.length_steps) == (1.0, 0.0)
    assert found.level == 0.5
    assert found.half_drop == pytest.approx(np.interp(-0.25, -loss, STEPS), rel=0.02)
    assert found.least_rate > 0.9


def test_a_run_that_ends_on_its_plateau_is_a_bound():
    found = find_phases(STEPS, s_curve([(5000, 1e-3)]), 1.0, SETTINGS)
    assert found.num_plateaus == 0
    assert found.censored
    assert found.length_ratio == pytest.approx(1000 / found.decay_end)
    assert found.least_rate < 0.05


def test_a_plateau_that_ends_between_two_records_is_found():
    """The loss of a product of many vectors falls from its plateau to rounding within one record."""
    loss = np.where(STEPS < 600, 1 + np.exp(-STEPS), 1e-16)
    found = find_phases(STEPS, loss, 1.0, SETTINGS)
    assert found.num_plateaus == 1
    assert found.half_drop == pytest.approx(600, rel=0.01)
    assert found.length_steps == pytest.approx(found.half_drop - found.decay_end)
    assert not found.censored


def test_convergence_above_zero_is_no_plateau():
    loss = np.exp(-0.05 * STEPS) + 1e-3
    found = find_phases(STEPS, loss, 0.5, SETTINGS)
    assert found.num_plateaus == 0
    assert not found.censored
    assert found.length_ratio == 1.0


def test_a_brief_dip_of_the_rate_is_no_plateau():
    slow = (STEPS > 20) & (STEPS < 40)
    fall = np.r_[0, np.cumsum(np.where(slow[1:], 0.0, np.diff(STEPS)))]
    found = find_phases(STEPS, np.exp(-0.02 * fall), 0.5, SETTINGS)
    assert found.num_plateaus == 0


def sigmoid(generator: np.random.Generator) -> np.ndarray:
    """Return the loss of a component that grows as a logistic while an irrelevant part decays faster."""
    scale, start = generator.uniform(10, 60), 10 ** generator.uniform(-3, -1.2)
    decay = scale * generator.uniform(0.1, 0.3)
    grown = 1 / (1 + (1 / start - 1) * np.exp(-STEPS / scale))
    return 0.5 * (1 - grown) ** 2 + generator.uniform(0.3, 1.0) * np.exp(-STEPS / decay)


def swings(generator: np.random.Generator) -> np.ndarray:
    """Return relative swings of up to a tenth, as those of an optimiser with momentum."""
    period, size = generator.uniform(8, 60), generator.uniform(0.02, 0.1)
    return 1 + size * np.sin(2 * np.pi * STEPS / period + generator.uniform(0, 6))


WITHOUT_A_PLATEAU = {
    "exponential": lambda g: np.exp(-STEPS / g.uniform(20, 300)),
    "two exponentials": lambda g: (
        np.exp(-STEPS / 10) + g.uniform(0.1, 1) * np.exp(-STEPS / g.uniform(30, 300))
    ),
    "power law": lambda g: (1 + STEPS / g.uniform(3, 30)) ** -g.uniform(0.5, 3),
    "stretched exponential": lambda g: np.exp(-((STEPS / g.uniform(5, 30)) ** g.uniform(0.3, 0.9))),
}


def test_power_of_the_detector_of_plateaus():
    """The plateau of 500 simulated S-curves: found in at least 98 %."""
    generator = np.random.default_rng(0)
    found = [find_phases(STEPS, sigmoid(generator), 0.5, SETTINGS) for _ in range(500)]
    assert np.mean([phases.num_plateaus == 1 for phases in found]) >= 0.98


@pytest.mark.parametrize("swinging", [False, True])
@pytest.mark.parametrize("kind", WITHOUT_A_PLATEAU)
def test_false_positives_of_the_detector_of_plateaus(kind, swinging):
    """Falls that never speed up again, with and without swings: at most 5 % of 500 have a plateau."""
    generator = np.random.default_rng(1)
    count = 0
    for _ in range(500):
        loss = WITHOUT_A_PLATEAU[kind](generator)
        loss = loss * swings(generator) if swinging else loss
        count += find_phases(STEPS, loss, 0.0, SETTINGS).num_plateaus > 0
    assert count <= 25


def test_what_lies_below_the_floor_does_not_count():
    loss = np.exp(-0.1 * STEPS)
    noisy = np.where(loss < 1e-9, 1e-12 * np.random.default_rng(0).random(STEPS.size), loss)
    found, expected = (vars(find_phases(STEPS, curve, 0.5, SETTINGS)) for curve in (noisy, loss))
    np.testing.assert_equal(found, expected)


# Tails and rates


@pytest.mark.parametrize("exponent", [0.7, 1.9, 3.0])
def test_a_power_law_is_told_with_its_exponent(exponent):
    steps = np.arange(30.0, 2000.0, 7)
    tail = fit_tail(steps, 5 * steps**-exponent)
    assert tail.exponent == pytest.approx(exponent)
    assert tail.aic_difference < -20


def test_an_exponential_is_told_with_its_rate():
    steps = np.arange(30.0, 400.0, 3)
    tail = fit_tail(steps, 5 * np.exp(-0.04 * steps))
    assert tail.rate == pytest.approx(0.04, rel=1e-3)  # between points, interpolated in log time
    assert tail.aic_difference > 100


def test_points_of_a_smooth_curve_count_for_few():
    """A curve between both laws decides nothing, however many points it is drawn with."""
    steps = np.arange(30.0, 400.0, 3)
    between = np.exp(-0.5 * 0.01 * steps - 0.5 * 1.5 * np.log(steps))
    assert abs(fit_tail(steps, between).aic_difference) < 2
    noisy = 5 * np.exp(-0.04 * steps + 0.1 * np.random.default_rng(0).normal(size=steps.size))
    assert fit_tail(steps, noisy).aic_difference > 20


def test_too_short_a_tail_has_no_law():
    assert np.isnan(fit_tail(np.arange(1.0, 5.0), np.ones(4)).exponent)


def test_rate_of_a_straight_line():
    rate, explained = exponential_rate(np.arange(50.0), 3 * np.exp(-0.2 * np.arange(50.0)))
    assert rate == pytest.approx(0.2)
    assert explained == pytest.approx(1)


# Bumps


def alignment(*bumps: tuple[float, float], count: int = 200) -> np.ndarray:
    """Return a cosine that is 0.2 with Gaussian bumps at places and heights given."""
    t = np.arange(count)
    return 0.2 + sum(height * np.exp(-(((t - at) / 8) ** 2)) for at, height in bumps)


@pytest.mark.parametrize("sign", [1, -1])
def test_bumps_are_counted_by_prominence(sign):
    series = alignment((40, 0.3), (100, 0.04), (150, 0.06))
    found = find_bumps(sign * series[:, None, None], 0.05)
    assert found == [Bump(40, 0, 0), Bump(150, 0, 0)]


def test_a_rise_without_a_fall_is_no_bump():
    rise = np.tanh(np.linspace(0, 3, 100))
    assert find_bumps(np.stack([rise, -rise], -1)[:, None], 0.05) == []


def test_bumps_of_every_pair_are_told_apart():
    cosine = np.full((200, 2, 3), 0.1)
    cosine[:, 1, 2] = alignment((60, 0.4))
    cosine[:, 0, 1] = alignment((20, 0.4), (120, 0.4))
    assert [(b.vector, b.target) for b in find_bumps(cosine, 0.05)] == [(0, 1), (0, 1), (1, 2)]


def rivals() -> np.ndarray:
    """Return three vectors and two targets: 0 and 1 grow towards target 0, then 1 turns to target 1."""
    t = np.linspace(0, 1, 101)
    cosine = np.zeros((101, 3, 2))
    cosine[:, 0, 0] = 0.1 + 0.8 * t
    cosine[:, 1, 0] = np.where(t < 0.5, 0.1 + 0.8 * t, 0.9 - 0.8 * t)
    cosine[:, 1, 1] = np.where(t < 0.5, 0.05, 1.6 * (t - 0.5))
    cosine[:, 2, 1] = 0.3 + 0.5 * t
    return cosine


def test_competition_is_a_shared_best_target_while_both_grow():
    found = find_competitions(rivals(), 0.05)
    assert [(c.vectors, c.target) for c in found] == [((0, 1), 0), ((1, 2), 1)]
    assert found[0].start == 0
    assert 49 <= found[0].end <= 51
    assert find_competitions(rivals(), 0.45) == []


def test_a_bump_is_explained_by_competition_for_its_target_before_it():
    found = find_competitions(rivals(), 0.05)
    (bump,) = find_bumps(rivals(), 0.05)
    assert (bump.vector, bump.target) == (1, 0)
    assert is_explained(bump, found)
    assert not is_explained(Bump(bump.record, 2, 0), found)
    assert not is_explained(Bump(bump.record, 1, 1), found[:1])


# Growth


def test_growth_of_known_parts():
    t = np.linspace(0, 20, 400)
    grown = 0.05 * np.exp(t - 2) / (1 + 0.05 * np.exp(t - 2))
    size = np.where(t < 2, 0.03 + 0.01 * t, grown)
    orthogonal = np.exp(-t / 2)
    aligned = np.stack([size, -size], -1)
    norm = np.sqrt(aligned**2 + orthogonal[:, None] ** 2)
    found = find_growth(t, aligned, norm)
    assert found.decay_first
    assert found.orthogonal_half == pytest.approx(2 * np.log(2), abs=0.1)
    assert found.early_linear
    assert found.later_exponential
    assert found.levels_off
    assert found.orthogonal_ratio == pytest.approx(np.exp(-10), rel=1e-3)


def test_early_exponential_growth_is_not_linear():
    t = np.linspace(0, 20, 400)
    size = 0.01 * np.exp(t) / (1 + 0.01 * np.exp(t))
    aligned = np.stack([size, size], -1)
    found = find_growth(t, aligned, np.sqrt(aligned**2 + np.exp(-t)[:, None]))
    assert not found.early_linear
    late = find_growth(t, aligned, np.sqrt(aligned**2 + np.exp(-t / 100)[:, None]))
    assert not late.decay_first


# Contrasts


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]


def test_intervals_of_means_and_shares():
    mean, low, high = mean_interval(np.array([1.0, 2.0, 3.0]))
    assert (mean, high - mean) == (2.0, pytest.approx(4.302653 / 3**0.5))
    assert mean - low == pytest.approx(high - mean)
    assert np.isnan(mean_interval(np.array([1.0]))[1])
    low, high = share_interval(0, 10)
    assert low == 0
    assert high == pytest.approx(0.2775, abs=1e-3)


def table(bumped_competing, competing, bumped, vectors) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "bumped_competing_vectors": bumped_competing,
            "competing_vectors": competing,
            "bumped_vectors": bumped,
            "vectors": vectors,
        }
    )


def test_bumps_and_competition_are_contrasted():
    rng = np.random.default_rng(0)
    competing = rng.binomial(4, 0.5, 200)
    both, other = rng.binomial(competing, 0.8), rng.binomial(4 - competing, 0.3)
    found = bump_contrast(table(both, competing, both + other, np.full(200, 4)), 0.95)
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.25
    assert bump_contrast(table([1, 1], [2, 2], [1, 1], [2, 2]), 0.95) is None
