"""Centres of one scale, and their lift, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from stagewise.development import plane_curves, toy_form
from stagewise.development.forms import detect_forms
from stagewise.development.layout import FORMS
from stagewise.development.lifts import lift, lifts_at, moments
from stagewise.development.settings import FormSettings
from stagewise.development.synthetic_trajectories import opening_cusp, random_walk, slowing
from tests.layouts import assert_keeps

STEPS = np.linspace(0, 50_000, 600).round().astype(int)
QUICK = FormSettings(sigma_start=0.1, sigma_end=6.0, num_surrogates=3)


def test_centres_of_a_circle_are_its_centre_at_every_scale_and_pace() -> None:
    turn = np.geomspace(0.01, 2 * np.pi, 300)  # slow at first
    x, y = 3 + 2 * np.cos(turn), -1 + 2 * np.sin(turn)
    for chord in (0.1, 1.0):
        centres = plane_curves.centres_at(x, y, np.array([0, 270, 299]), chord)
        assert np.isnan(centres[[0, 2]]).all()  # the curve begins and ends within a chord
        assert centres[1] == pytest.approx([3, -1], abs=1e-9)
    assert plane_curves.centres_at(x, y, np.array([], dtype=int), 0.1).shape == (0, 2)


def test_centres_at_a_cusp_are_within_half_a_chord_of_its_tip() -> None:
    s = np.linspace(-1, 1, 401)
    (centre,) = plane_curves.centres_at(s**2, s**3, np.array([200]), 0.05)
    assert 0 < np.hypot(*centre) <= 0.03


def test_a_straight_line_has_no_centres() -> None:
    s = np.linspace(0, 1, 50)
    assert np.isnan(plane_curves.centres_at(s, 2 * s, np.array([25]), 0.1)).all()


def test_a_point_is_lifted_from_its_projections_and_disagreement_is_measured() -> None:
    pairs = [(0, 1), (0, 2), (1, 2)]
    point, residual = lift(pairs, np.array([[1.0, 2.0], [1.0, 3.0], [2.0, 3.0]]), 2.0)
    assert point == pytest.approx([1, 2, 3])
    assert residual == 0
    point, residual = lift(pairs, np.array([[0.0, 2.0], [2.0, 3.0], [2.0, 3.0]]), 2.0)
    assert point == pytest.approx([1, 2, 3])
    assert residual == pytest.approx(np.sqrt(2 / 6) / 2)


def test_planes_agree_at_a_form_and_not_elsewhere() -> None:
    curve = opening_cusp(STEPS, 10_000.0)
    found = detect_forms(curve, STEPS, QUICK)
    assert_keeps(found, FORMS)
    residual = found["moment_residual"].to_numpy()
    near = np.abs(np.log1p(found["moment_step"].to_numpy()) - np.log1p(10_000.0)) < 0.05
    assert residual[near].min() < 0.02
    assert np.nanmedian(residual) > 0.1
    centres = found["plane_centre"].sel(pair="1-2").to_numpy()[near]
    assert np.abs(centres).max() < 0.1 * found.attrs["trajectory_size"]


def test_events_have_the_centres_that_forms_are_lifted_from() -> None:
    found = detect_forms(opening_cusp(STEPS, 10_000.0), STEPS, QUICK)
    form = found.isel(form=0)
    centres = []
    for pair, step in zip(found["pair"].to_numpy(), form["pair_step"].to_numpy(), strict=True):
        chosen = (found["event_pair"] == pair) & (found["event_step"] == step)
        centres.append(found["event_centre"].to_numpy()[chosen.to_numpy()][0])
    size = found.attrs["trajectory_size"]
    point, residual = lift([(0, 1), (0, 2), (1, 2)], np.array(centres), size)
    assert point == pytest.approx(form["centre"].to_numpy())
    assert residual == pytest.approx(float(form["lift_residual"]))


def test_the_walks_of_the_store_are_those_that_were_searched() -> None:
    walk = random_walk(slowing(STEPS), np.random.default_rng(0))
    found = detect_forms(walk, STEPS, QUICK)
    first = found["null_smoothed"].to_numpy()[0]
    at = moments(np.log1p(STEPS))
    size = float(np.sqrt(np.var(first, axis=0).sum()))
    again = lifts_at(at, first, size, QUICK.min_chord).residual
    np.testing.assert_array_equal(found["null_residual"].to_numpy()[0], again)
    assert found["null_residual"].shape == (3, len(at))
    without = detect_forms(walk, STEPS, QUICK, lifted=False)
    assert "moment_residual" not in without
    for name in without:
        np.testing.assert_array_equal(found[name], without[name])


def test_the_toy_flow_makes_a_form_and_it_is_found() -> None:
    flow = toy_form.flow()
    x, y = flow.points.T
    loss = toy_form.loss(x, y)
    assert (np.diff(loss) < 0).all()
    turns = plane_curves.vertices(x, y)
    vertex = int(turns[flow.time[turns] > 2][0])
    centre = plane_curves.osculating_circles(x, y)[0][vertex]
    # The flow lags behind the valley by about drift / stiffness.
    assert centre == pytest.approx(toy_form.CENTRE, abs=2 * toy_form.DRIFT / toy_form.STIFFNESS)
    slopes = {}
    for name, point in (("form", centre), ("beside", 0.5 * (centre + flow.points[vertex]))):
        rise = toy_form.potential(flow.points, point) - toy_form.potential(
            flow.points[[vertex]], point
        )
        near, far = rise[vertex + 15], rise[vertex + 30]
        slopes[name] = np.log2(far / near)
    assert slopes["form"] == pytest.approx(4, abs=0.4)
    assert slopes["beside"] == pytest.approx(2, abs=0.25)
