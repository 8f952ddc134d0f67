from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stagewise.development.forms import detect_forms
from stagewise.development.layout import FORMS
from stagewise.development.settings import FormSettings
from stagewise.development.synthetic_trajectories import (
    NULLS,
    disturbed,
    opening_cusp,
    turning_back,
)
from tests.layouts import assert_keeps

STEPS = np.linspace(0, 50_000, 600).round().astype(int)
TIME = 10_000.0
POINT = np.array([0.4, -0.2, 0.1])
QUICK = FormSettings(sigma_start=0.1, sigma_end=12.0, num_surrogates=0)


def cusp_curve(steps: np.ndarray = STEPS, time: float = TIME) -> np.ndarray:
    """Cusp at `POINT` in every pair: all three coordinates are of second order there."""
    return POINT + opening_cusp(steps, time)


def test_finds_a_cusp_in_every_pair_and_lifts_it() -> None:
    found = detect_forms(cusp_curve(), STEPS, QUICK)
    assert_keeps(found, FORMS)
    assert found.sizes["form"] == 1
    form = found.isel(form=0)
    # Two checkpoints, or the smoothing width where it matters: 2.4 checkpoints of 83 steps.
    assert abs(float(form["form_step"]) - TIME) < 250
    size = found.attrs["trajectory_size"]
    assert np.abs(form["centre"].values - POINT).max() < 0.02 * size
    assert float(form["lift_residual"]) < 0.01
    assert set(form["kind"].values) == {"cusp"}
    assert float(form["extent"]) > 0.5
    assert float(form["constraint_value"].max()) < 0.02
    assert float(form["constraint_slope"].max()) < 0.15
    assert float(form["influence_start"]) < TIME < float(form["influence_end"])
    assert np.isnan(form["p_value"])
    exact = ((cusp_curve() - form["centre"].values) ** 2).sum(axis=1)
    assert form["potential"].values == pytest.approx(exact, abs=1e-12)


def test_noise_neither_hides_the_form_nor_adds_one() -> None:
    rng = np.random.default_rng(0)
    raw = cusp_curve() + 0.003 * rng.standard_normal((600, 3))
    found = detect_forms(raw, STEPS, QUICK)
    assert found.sizes["form"] == 1
    assert abs(float(found["form_step"][0]) - TIME) < 500
    # The potential is that of the unsmoothed scores.
    exact = ((raw - found["centre"].values[0]) ** 2).sum(axis=1)
    assert found["potential"].values[0] == pytest.approx(exact, abs=1e-12)


def test_cusps_at_different_times_are_no_form() -> None:
    early, late = cusp_curve(time=3_000.0), cusp_curve(time=20_000.0)
    mixed = np.stack([early[:, 0], late[:, 1], early[:, 2] + late[:, 0]], axis=1)
    assert detect_forms(mixed, STEPS, QUICK).sizes["form"] == 0


@pytest.mark.parametrize("name", ["line", "helix", "constant"])
def test_curves_without_forms_give_an_empty_result(name: str) -> None:
    u = np.log1p(STEPS)
    curves = {
        "line": np.outer(u, [1.0, 2.0, -1.0]),
        "helix": np.stack([np.cos(u / 4), np.sin(u / 4), u / 4], axis=1),
        "constant": np.ones((600, 3)),
    }
    found = detect_forms(curves[name], STEPS, QUICK)
    assert found.sizes["form"] == 0
    assert_keeps(found, FORMS)
    assert found["centre"].shape == (0, 3)
    assert found["potential"].shape == (0, 600)
    assert found["kind"].shape == (0, 3)
    assert found["pair"].values.tolist() == ["1-2", "1-3", "2-3"]


def test_vertex_of_a_plane_trajectory_has_the_circle_centre_and_a_flat_potential() -> None:
    # A parabola through its vertex at even speed; its evolute has its cusp at (0, 1/2).
    x = np.linspace(-1.5, 1.5, 600)
    found = detect_forms(np.stack([x, x**2], axis=1), STEPS, replace(QUICK, sigma_end=0.1))
    assert found["kind"].values.tolist() == [["vertex"]]
    # The circle is taken through points 5 % of the size of the curve apart.
    assert found["centre"].values[0] == pytest.approx([0.0, 0.5], abs=0.06)
    # Quartic potential 1/4 + x^4 within 10 % of the larger of 1/4 and (0.3 size)^2 above it.
    half = (0.1 * 0.25) ** 0.25
    path = 2 * half * np.sqrt(1 + half**2)
    assert float(found["flatness"][0]) == pytest.approx(path / (2 * np.sqrt(0.025)), rel=0.15)


FEW = np.linspace(0, 25_000, 120).round().astype(int)


def test_processes_without_forms_seldom_have_a_significant_one() -> None:
    settings = FormSettings(sigma_start=0.1, sigma_end=7.0, num_surrogates=19)
    with_forms = significant = 0
    for name in ("walk, in bursts", "walk, slowing", "pulled, with momentum", "travelling wave"):
        for seed in range(2):
            scores = NULLS[name](FEW, np.random.default_rng(seed))
            found = detect_forms(scores, FEW, settings, seed=seed)
            with_forms += found.sizes["form"] > 0
            significant += bool((found["p_value"] <= 0.05).any())
    # Forms as such are common. At 5 % more than two of 8 have a probability of 0.006.
    assert with_forms >= 3
    assert significant <= 2


def test_p_value_tells_large_forms_from_random_walks_and_not_small_ones() -> None:
    settings = FormSettings(sigma_start=0.1, sigma_end=7.0, num_surrogates=19)
    p_values = []
    for path in (turning_back, opening_cusp):
        rng = np.random.default_rng(0)
        scores = disturbed(path(FEW, 3_000.0), 0.05, FEW, rng)
        forms = detect_forms(scores, FEW, settings, seed=1)
        assert forms.sizes["walk"] == 19
        assert "own step lengths" in forms.attrs["null"]
        p_values.append(float(forms["p_value"].min()))
    # The smallest possible value is 1/20.
    assert p_values[0] <= 0.1
    assert p_values[0] < p_values[1]


def test_smoothed_scores_may_be_given() -> None:
    raw = cusp_curve() + 0.003 * np.random.default_rng(0).standard_normal((600, 3))
    clean = detect_forms(raw, STEPS, QUICK, smoothed=cusp_curve())
    assert clean["centre"].values[0] == pytest.approx(POINT, abs=0.01)
    with pytest.raises(ValueError, match="smoothed has shape"):
        detect_forms(raw, STEPS, QUICK, smoothed=raw[1:])


def test_bad_input_names_the_problem() -> None:
    with pytest.raises(ValueError, match="2 components"):
        detect_forms(np.zeros((600, 1)), STEPS, QUICK)
    with pytest.raises(ValueError, match="increasing"):
        detect_forms(np.zeros((600, 3)), STEPS[::-1], QUICK)
    with pytest.raises(ValueError, match="finite"):
        detect_forms(np.full((600, 3), np.nan), STEPS, QUICK)
    with pytest.raises(ValueError, match="cluster_width"):
        FormSettings(cluster_width=0.0)
