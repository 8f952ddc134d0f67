from __future__ import annotations

import numpy as np
import pytest

from stagewise.development.plane_curves import (
    coarsen,
    curvature,
    curve_size,
    cusps,
    osculating_circles,
    turn_extent,
    vertices,
)


def ellipse(a: float, b: float, num: int = 2001) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Starts between two vertices, so that all four lie inside.
    angle = np.linspace(0.3, 0.3 + 2 * np.pi, num)
    return angle, a * np.cos(angle), b * np.sin(angle)


def test_circle_is_exact_at_any_spacing() -> None:
    angle = np.sort(np.random.default_rng(0).uniform(0, 6, 60))
    x, y = 5 + 2 * np.cos(angle), -1 + 2 * np.sin(angle)
    assert curvature(x, y) == pytest.approx(np.full(60, 0.5), rel=1e-6)
    assert curvature(x[::-1], y[::-1]) == pytest.approx(np.full(60, -0.5), rel=1e-6)
    centres, radii = osculating_circles(x, y)
    assert radii == pytest.approx(np.full(60, 2.0), rel=1e-6)
    assert np.abs(centres - [5, -1]).max() < 1e-5
    assert vertices(x, y, prominence=1e-3).size == 0
    assert cusps(x, y).size == 0


def test_ellipse_has_four_vertices_and_the_exact_evolute() -> None:
    a, b = 2.0, 1.0
    angle, x, y = ellipse(a, b)
    found = angle[vertices(x, y)]
    step = angle[1] - angle[0]
    assert found == pytest.approx(np.array([0.5, 1.0, 1.5, 2.0]) * np.pi, abs=1.01 * step)
    exact = np.stack(
        [(a**2 - b**2) / a * np.cos(angle) ** 3, (b**2 - a**2) / b * np.sin(angle) ** 3], axis=1
    )
    # The three-point circle is second order in the spacing.
    assert np.abs(osculating_circles(x, y)[0] - exact)[1:-1].max() < 10 * step**2
    kappa = a * b / (a**2 * np.sin(angle) ** 2 + b**2 * np.cos(angle) ** 2) ** 1.5
    assert np.abs(curvature(x, y) - kappa)[1:-1].max() < 10 * step**2


def test_vertices_do_not_depend_on_the_parametrisation() -> None:
    angle, _, _ = ellipse(2.0, 1.0)
    warped = 0.3 + (angle - 0.3) ** 2 / (2 * np.pi)
    found = warped[vertices(2 * np.cos(warped), np.sin(warped))]
    assert found == pytest.approx(np.array([0.5, 1.0, 1.5, 2.0]) * np.pi, abs=0.02)


def test_parabola_has_one_vertex_with_centre_on_its_axis() -> None:
    t = np.linspace(-2, 3, 1001)
    found = vertices(t, t**2)
    assert t[found] == pytest.approx([0.0], abs=0.0051)
    assert osculating_circles(t, t**2)[0][found[0]] == pytest.approx([0.0, 0.5], abs=1e-3)


def test_inflection_is_no_vertex() -> None:
    t = np.linspace(-0.3, 0.3, 301)
    # The curvature of the cubic rises through zero and is monotone on this interval.
    assert vertices(t, t**3).size == 0


def test_prominence_rejects_noise_and_must_be_positive() -> None:
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 6, 100)
    x = np.cos(angle) + 1e-5 * rng.standard_normal(100)
    y = np.sin(angle) + 1e-5 * rng.standard_normal(100)
    assert vertices(x, y).size == 0
    assert vertices(x, y, prominence=1e-4).size > 0
    with pytest.raises(ValueError, match="prominence"):
        vertices(x, y, prominence=0.0)


def test_line_and_repeated_samples_are_degenerate() -> None:
    t = np.arange(6.0)
    centres, radii = osculating_circles(1e3 + 0.1 * t, 0.3 * t)
    assert np.isinf(radii).all()
    assert np.isnan(centres).all()
    assert curvature(t, 2 * t) == pytest.approx(np.zeros(6), abs=1e-12)
    paused = np.array([0.0, 1.0, 1.0, 2.0, 3.0])
    assert np.isnan(curvature(paused, paused**2)[1:3]).all()
    assert np.isfinite(curvature(paused, paused**2)[3])
    assert vertices(np.ones(9), np.ones(9)).size == 0


@pytest.mark.parametrize("start", [-1.0, -0.83])
def test_semicubical_cusp_is_found_at_its_tip(start: float) -> None:
    t = np.linspace(start, 1, 400)
    found = cusps(t**2, t**3)
    assert found.size == 1
    assert abs(t[found[0]]) <= t[1] - t[0]


def test_slow_but_straight_and_fast_but_turning_are_no_cusps() -> None:
    t = np.linspace(-1, 1, 401)
    assert cusps(t**3, 0.1 * t**3).size == 0
    speed_is_even = np.linspace(0, 2 * np.pi, 400)
    assert cusps(np.cos(speed_is_even), np.sin(speed_is_even)).size == 0
    # A corner of 90 degrees is below the default angle and above a lower one.
    corner = np.where(t < 0, t**2, 0.0), np.where(t > 0, t**2, 0.0)
    assert cusps(*corner).size == 0
    assert cusps(*corner, min_turn=1.5).size == 1


def test_turn_extent_measures_the_arms_of_a_turn() -> None:
    t = np.linspace(-1, 0.5, 3001)
    chords = np.linspace(0.01, 1.2, 120)
    # Straight there and back, with arms of 1 and 0.5: the shorter one bounds the turn.
    extent = turn_extent(np.abs(t), 0.001 * t, 2000, chords)
    assert extent == pytest.approx(0.5, abs=0.011)
    assert turn_extent(t, t, 2000, chords) == 0.0


def test_coarsen_keeps_distance_and_order() -> None:
    rng = np.random.default_rng(2)
    x, y = np.cumsum(rng.standard_normal((2, 500)), axis=1)
    kept = coarsen(x, y, 5.0)
    assert kept[0] == 0
    assert (np.diff(kept) > 0).all()
    assert np.hypot(np.diff(x[kept]), np.diff(y[kept])).min() >= 5.0
    assert coarsen(x, y, 0.0) == pytest.approx(np.arange(500))


def test_size_of_a_circle_is_its_radius() -> None:
    angle = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    assert curve_size(3 * np.cos(angle), 3 * np.sin(angle)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([0, 1, 2], [0, 1], "one length"),
        ([0, 1], [0, 1], "at least 3"),
        ([0, np.nan, 2], [0, 1, 2], "finite"),
    ],
)
def test_bad_input_names_the_problem(x: list[float], y: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curvature(np.array(x), np.array(y))
