"""Behaviour of synthetic runs with known times, widths and outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from stagewise.studies.modular.behaviour import (
    Behaviour,
    Rise,
    find_behaviour,
    find_rise,
    first_passage,
)
from stagewise.studies.modular.thresholds import BehaviourSettings

SETTINGS = BehaviourSettings(learned=0.99, rise_start=0.1, rise_end=0.9)
STEPS = np.r_[0, np.unique(np.geomspace(1, 10_000, 600).round())]


def sigmoid(middle: float, sharpness: float) -> np.ndarray:
    """Return an accuracy that is logistic in log t."""
    with np.errstate(divide="ignore"):
        return 1 / (1 + np.exp(-sharpness * (np.log(STEPS) - np.log(middle))))


def reaches(level: float, middle: float, sharpness: float) -> float:
    return middle * (level / (1 - level)) ** (1 / sharpness)


# Times


def test_a_first_passage_is_interpolated_in_log_time():
    assert first_passage(np.array([10.0, 1000.0]), np.array([0.5, 1.0]), 0.75) == pytest.approx(100)


def test_what_is_lost_later_does_not_move_the_passage():
    accuracy = np.array([0.1, 0.99, 0.2, 0.98])
    assert first_passage(np.array([0, 10, 20, 30]), accuracy, 0.99) == 10


def test_an_accuracy_that_is_never_reached_has_no_time():
    assert np.isnan(first_passage(np.arange(4), np.array([0.1, 0.2, np.nan, np.nan]), 0.99))


def test_known_from_the_start_and_missing_before():
    assert first_passage(np.arange(3), np.ones(3), 0.99) == 0
    assert first_passage(np.arange(4), np.array([0.5, np.nan, 1.0, 1.0]), 0.99) == 2


# Rises


@pytest.mark.parametrize("sharpness", [2.0, 20.0])
def test_width_of_a_logistic_rise(sharpness):
    found = find_rise(STEPS, sigmoid(500, sharpness), 0.1, 0.9)
    assert found.width == pytest.approx(2 * np.log(9) / sharpness, rel=0.01)
    assert found.start == pytest.approx(reaches(0.1, 500, sharpness), rel=0.01)
    assert found.middle == pytest.approx(500, rel=0.01)
    assert found.end == pytest.approx(reaches(0.9, 500, sharpness), rel=0.01)


def test_crossings_between_far_records_are_interpolated_in_log_time():
    found = find_rise(np.array([10.0, 1000.0]), np.array([0.0, 1.0]), 0.1, 0.9)
    assert found.start == pytest.approx(10 ** (1 + 0.2))
    assert found.end == pytest.approx(10 ** (1 + 1.8))


def test_an_excursion_before_and_a_loss_after_do_not_widen_the_rise():
    accuracy = np.array([0.0, 0.5, 0.05, 0.05, 0.95, 0.3, 0.05, 1.0])
    steps = np.array([1.0, 2, 4, 8, 16, 32, 64, 128])
    found = find_rise(steps, accuracy, 0.1, 0.9)
    assert 8 < found.start < found.end < 16


def test_a_curve_that_does_not_rise_so_far_has_no_width():
    assert np.isnan(find_rise(STEPS, 0.8 * sigmoid(500, 9), 0.1, 0.9).width)
    late = find_rise(STEPS, np.maximum(0.2, sigmoid(500, 9)), 0.1, 0.9)
    assert np.isnan(late.start)
    assert late.end > 500
    assert np.isnan(late.width)


def test_a_crossing_next_to_step_zero_is_at_the_next_record():
    found = find_rise(np.array([0.0, 5.0, 10.0]), np.array([0.0, 0.5, 1.0]), 0.1, 0.9)
    assert found.start == 5
    assert 5 < found.end < 10


# Behaviour


def test_late_and_sudden_generalisation():
    found = find_behaviour(STEPS, sigmoid(50, 10), sigmoid(3000, 10), SETTINGS)
    assert found.outcome == "generalise"
    assert found.delay == pytest.approx(np.log(60), abs=0.03)
    assert found.least_delay == found.delay
    assert found.test_rise.width == pytest.approx(2 * np.log(9) / 10, rel=0.05)


def test_sudden_generalisation_along_with_memorisation():
    found = find_behaviour(STEPS, sigmoid(400, 10), sigmoid(400, 10), SETTINGS)
    assert found.delay == 0
    assert not found.test_first


def test_late_but_gradual_generalisation_has_a_wide_rise():
    found = find_behaviour(STEPS, sigmoid(5, 4), sigmoid(500, 2), SETTINGS)
    assert found.outcome == "generalise"
    assert found.delay > 4
    assert found.test_rise.width == pytest.approx(2 * np.log(9) / 2, rel=0.05)


def test_generalisation_before_memorisation_has_a_negative_delay():
    found = find_behaviour(STEPS, sigmoid(600, 10), sigmoid(300, 10), SETTINGS)
    assert found.delay == pytest.approx(-np.log(2), abs=0.03)
    assert found.lag == pytest.approx(-np.log(2), abs=0.03)
    assert found.test_first


def test_a_slingshot_does_not_move_the_times():
    accuracy = sigmoid(400, 10)
    dip = np.where((STEPS > 2000) & (STEPS < 2500), 0.5, accuracy)
    smooth, dipped = (find_behaviour(STEPS, sigmoid(50, 10), a, SETTINGS) for a in (accuracy, dip))
    assert smooth == dipped


def test_a_run_that_only_memorises_bounds_the_delay():
    found = find_behaviour(STEPS, sigmoid(50, 10), 0.02 * np.ones_like(STEPS), SETTINGS)
    assert found.outcome == "memorise"
    assert np.isnan(found.delay)
    assert found.least_delay == pytest.approx(np.log(10_000 / found.memorised))


def test_a_run_that_learns_nothing_fails():
    found = find_behaviour(STEPS, np.zeros_like(STEPS), np.zeros_like(STEPS), SETTINGS)
    assert found.outcome == "fail"
    assert np.isnan(found.least_delay)


def test_learning_the_test_set_is_generalisation_though_training_accuracy_flickers():
    none = Rise(np.nan, np.nan, np.nan)
    found = Behaviour(np.nan, 20, none, Rise(10, 15, 20), 100)
    assert found.outcome == "generalise"
    assert found.test_first
    assert np.isnan(found.delay)


@pytest.mark.parametrize(("name", "value"), [("learned", 1.2), ("rise_start", 0.95)])
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        BehaviourSettings(**(vars(SETTINGS) | {name: value}))


def test_malformed_curves_are_refused():
    with pytest.raises(ValueError, match="one length"):
        first_passage(np.arange(3), np.ones(4), 0.99)
    with pytest.raises(ValueError, match="increase"):
        find_rise(np.array([0, 2, 2]), np.ones(3), 0.1, 0.9)
    with pytest.raises(ValueError, match="goes up"):
        find_rise(np.arange(3), np.ones(3), 0.9, 0.1)
