from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.core.derivatives import slope_of
from stagewise.development.layout import CURVE, MILESTONES, OF_RUN, SOUNDNESS, STAGES
from stagewise.development.llc_curve import fit_llc_curve, usable_llc
from stagewise.development.settings import StageSettings
from stagewise.development.stages import find_milestones, find_stages, stages_from_milestones
from tests.layouts import assert_keeps

LAST = 500_000.0
SETTINGS = StageSettings(num_draws=100, grid_points=300)
CHECKPOINTS = np.unique(
    np.concatenate([np.linspace(0, LAST, 101), np.geomspace(1, LAST, 90)]).round()
)


def step_at(steps: np.ndarray, centre: float, width: float) -> np.ndarray:
    return 1 / (1 + np.exp(-(np.log1p(steps) - np.log(centre)) / width))


def published_like(steps: np.ndarray) -> np.ndarray:
    """LLC that rises twice, falls twice and rises again, with pauses near 750 and 122k."""
    return (
        4
        + 16 * step_at(steps, 330, 0.2)
        + 150 * step_at(steps, 4_500, 0.33)
        - 13 * step_at(steps, 82_000, 0.1)
        - 36 * step_at(steps, 215_000, 0.12)
        + 9 * step_at(steps, 430_000, 0.06)
    )


def gentle(steps: np.ndarray) -> np.ndarray:
    """LLC that rises, falls and rises over whole units of log time: what a GP can follow."""
    u = np.log1p(steps)
    return 50 + 30 * np.sin(2 * np.pi * (u - 7.0) / 9.0)


def observe(
    truth: Callable[[np.ndarray], np.ndarray], stderr: float, seed: int, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    errors = stderr * rng.uniform(0.5, 1.5, steps.size)
    return steps, truth(steps) + errors * rng.standard_normal(steps.size), errors


@pytest.mark.parametrize("seed", [0, 1])
def test_published_stages_are_recovered(seed: int) -> None:
    data = observe(published_like, 0.7, seed, CHECKPOINTS)
    curve = fit_llc_curve(*data, SETTINGS, seed)
    milestones = find_milestones(curve, SETTINGS)
    assert [*OF_RUN, *milestones] == list(MILESTONES.columns)
    kinds = ["near-plateau", "plateau", "near-plateau", "plateau"]
    assert milestones["kind"].tolist() == kinds
    # The exact places, found on a fine noiseless grid; a smoother shifts those of sharp events.
    exact = np.log([753, 45_965, 122_391, 351_319])
    assert milestones["log_step"].to_numpy() == pytest.approx(exact, abs=0.35)
    assert (milestones["probability"] > 0.5).all()
    assert (milestones["interval_low"] < milestones["interval_high"]).all()
    stages = stages_from_milestones(milestones, curve, LAST)
    assert [*OF_RUN, *stages, *SOUNDNESS] == list(STAGES.columns)
    assert "".join(stages["type"]) == "AABBA"
    assert stages["start"].tolist() == [0.0, *milestones["step"]]
    assert stages["end"].tolist() == [*milestones["step"], LAST]
    assert stages["llc_change"].sum() == pytest.approx(
        float(curve["mean"][-1] - curve["mean"][0]), abs=1e-6
    )
    # Posterior errors at the true level stay within a few standard deviations.
    truth = published_like(curve["step"].to_numpy())
    assert np.abs(curve["mean"].to_numpy() - truth).max() < 5.0


def test_intervals_cover_the_truth() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    settings = replace(SETTINGS, length_scale_bounds=(0.5, 3.0))
    # Extrema of the sine at u - 7 = 9/4 and 9/4 +- 9/2 that lie inside the range.
    exact = np.expm1(np.array([7 - 2.25, 7 + 2.25]))
    runs, hits = 12, 0
    for seed in range(runs):
        curve = fit_llc_curve(*observe(gentle, 3.0, seed, steps), settings, seed)
        found = find_milestones(curve, settings)
        for place in exact:
            hits += ((found["interval_low"] < place) & (place < found["interval_high"])).any()
    # 24 intervals of 95 %: fewer than 19 hits has a probability below 1e-3.
    assert hits >= 19


def test_noise_about_a_constant_has_no_milestone() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    false = 0
    for seed in range(15):
        data = observe(lambda t: np.full(t.size, 20.0), 1.0, 100 + seed, steps)
        curve = fit_llc_curve(*data, SETTINGS, seed)
        milestones = find_milestones(curve, SETTINGS)
        false += len(milestones) > 0
        if milestones.empty:
            assert [*OF_RUN, *milestones] == list(MILESTONES.columns)
            assert len(stages_from_milestones(milestones, curve, 50_000)) == 1
    # More than three of 15 has a probability below 1e-3 if one in 30 is allowed.
    assert false <= 3


def test_significance_decides_what_is_a_turn() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    curve = fit_llc_curve(*observe(gentle, 3.0, 0, steps), SETTINGS, 0)
    assert len(find_milestones(curve, SETTINGS)) >= 2
    strict = replace(SETTINGS, significance=1e3, pause_significance=1e3)
    assert find_milestones(curve, strict).empty
    coarse = replace(SETTINGS, min_change=0.99, pause_significance=1e3)
    assert len(find_milestones(curve, coarse)) < 2


def test_slope_is_the_derivative_of_the_mean_and_reproducible() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    data = observe(gentle, 1.0, 0, steps)
    curve = fit_llc_curve(*data, SETTINGS, 0)
    assert curve.identical(fit_llc_curve(*data, SETTINGS, 0))
    assert curve["slope_draws"].dims == ("draw", "grid")
    grid = curve["grid"].to_numpy()
    exact = 30 * 2 * np.pi / 9 * np.cos(2 * np.pi * (grid - 7) / 9)
    error = np.abs(curve["slope"].to_numpy() - exact)
    # Five posterior standard deviations, over the whole grid.
    assert (error < 5 * curve["slope_sd"].to_numpy()).all()
    spread = curve["slope_draws"].std("draw", ddof=1) / curve["slope_sd"]
    # The relative error of a standard deviation from 100 draws is 7 %.
    assert np.abs(spread - 1).max() < 0.4
    assert_keeps(curve, CURVE)


def test_missing_estimates_and_errors_follow_the_stated_rules() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    _, llc, errors = observe(gentle, 1.0, 0, steps)
    llc[[3, 7]], errors[[5, 9]] = np.nan, [0.0, np.nan]
    curve = fit_llc_curve(steps, llc, errors, SETTINGS, 0)
    counts = {name: curve.attrs[name] for name in ("num_left_out", "num_stderr_replaced")}
    assert counts == {"num_left_out": 2, "num_stderr_replaced": 2}
    assert curve.attrs["num_used"] == steps.size - 2
    # Without any standard error the scatter itself, of standard deviation 1, is the noise.
    unknown = fit_llc_curve(steps, llc, np.full(steps.size, np.nan), SETTINGS, 0)
    assert 0.5 < unknown.attrs["noise_sd"] < 1.7
    with pytest.raises(ValueError, match="5 are needed"):
        fit_llc_curve(steps, np.full(steps.size, np.nan), errors, SETTINGS, 0)
    with pytest.raises(ValueError, match="differ in shape"):
        fit_llc_curve(steps[1:], llc, errors, SETTINGS, 0)


def test_hyperparameters_stay_off_their_bounds() -> None:
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    for stderr in (0.3, 1.0):
        curve = fit_llc_curve(*observe(gentle, stderr, 0, steps), WIDE, 0)
        assert curve.attrs["bounds_hit"] == ""
        assert curve.attrs["noise_sd"] > 0


WIDE = StageSettings(length_scale_bounds=(0.3, 5.0), num_draws=200, grid_points=150)


@pytest.mark.parametrize("shared", [False, True])
def test_a_smooth_rise_seldom_has_milestones_and_a_turn_is_found(shared: bool) -> None:
    """Noise of 5 % of the rise, each checkpoint's own or the same four chains' at all of them."""
    steps = np.unique(np.concatenate([[0], np.geomspace(5, 25_000, 32).round()]))
    u = np.log1p(steps)
    wiggle = np.linalg.cholesky(np.exp(-0.5 * (u[:, None] - u) ** 2) + 1e-6 * np.eye(u.size))
    false, found, runs = 0, 0, 8
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        noise = 0.1 * rng.standard_normal((4, u.size))
        if shared:
            noise = 0.9 * noise @ wiggle.T + 0.044 * rng.standard_normal((4, u.size))
        rise = step_at(steps, np.exp(rng.uniform(4, 8)), rng.uniform(0.5, 1.2))
        turn = step_at(steps, np.exp(6), 0.5) - 0.5 * step_at(steps, np.exp(9), 0.3)
        for truth in (rise, turn):
            chains = truth + noise
            stderr = chains.std(axis=0, ddof=1) / 2
            given = find_stages(steps, chains.mean(axis=0), stderr, WIDE, chains=chains)
            if truth is rise:
                false += len(given.milestones) > 0
            else:
                turns = given.milestones[given.milestones["kind"] == "plateau"]
                found += bool(((turns["log_step"] - 7.7).abs() < 0.8).any())
    # At 5 % more than two of 8 have a probability of 0.006.
    assert false <= 2
    assert found >= 5


def test_settings_and_milestones_are_checked() -> None:
    with pytest.raises(ValueError, match="length_scale_bounds"):
        StageSettings(length_scale_bounds=(1.0, 0.5))
    with pytest.raises(ValueError, match="tolerance"):
        StageSettings(tolerance=0.0)
    steps = np.unique(np.geomspace(1, 50_000, 45).round())
    curve = fit_llc_curve(*observe(gentle, 1.0, 0, steps), SETTINGS, 0)
    with pytest.raises(ValueError, match="between 0 and"):
        stages_from_milestones(pd.DataFrame({"step": [60_000.0]}), curve, 50_000)


def test_slopes_are_exact_for_the_functions_they_should_be_exact_for() -> None:
    steps = np.array([1.0, 2.0, 5.0, 7.0, 20.0, 21.0])
    inner = slice(1, -1)
    # Central differences on an uneven grid are exact for a parabola.
    assert slope_of(steps, steps**2)["d_dt"].values[inner] == pytest.approx(2 * steps[inner])
    assert slope_of(steps, 3 * np.log(steps))["d_dlogt"].values == pytest.approx(np.full(6, 3.0))
    power = slope_of(steps, 4 * steps**-0.7)
    assert power["dlog_dlogt"].values == pytest.approx(np.full(6, -0.7))
    assert power["step"].values == pytest.approx(steps)


def test_slopes_at_step_zero_and_of_negative_values_are_nan() -> None:
    found = slope_of(np.array([0.0, 1.0, 2.0, 4.0]), np.array([1.0, -1.0, 2.0, 3.0]))
    assert np.isfinite(found["d_dt"]).all()
    assert np.isnan(found["d_dlogt"].values).tolist() == [True, False, False, False]
    # The value at step 1 has no logarithm, nor have the differences that use it.
    assert np.isnan(found["dlog_dlogt"].values).tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match="increase"):
        slope_of(np.array([1.0, 1.0, 2.0]), np.zeros(3))
    with pytest.raises(ValueError, match="at least 3"):
        slope_of(np.array([1.0, 2.0]), np.zeros(2))


def judged(verdicts: list[str]) -> xr.Dataset:
    count = len(verdicts)
    return xr.Dataset(
        {
            "llc_mean": ("step", np.arange(count, dtype=float)),
            "verdict": ("step", np.array(verdicts)),
        },
        coords={"step": np.arange(count)},
    )


def test_verdicts_that_are_left_out_take_no_part():
    verdicts = ["escaped", "ok", "saturated", "ok", "ok", "ok", "ok"]
    settings = StageSettings(leave_out=("escaped",))
    assert np.isnan(usable_llc(judged(verdicts), settings)).tolist() == [True] + 6 * [False]
    assert np.isfinite(usable_llc(judged(verdicts), SETTINGS)).all()


def test_the_first_steps_can_be_left_out():
    values = usable_llc(judged(["ok"] * 11), StageSettings(first_share=0.25))
    assert np.isnan(values).tolist() == [True] * 3 + [False] * 8


def test_all_are_kept_where_too_few_would_remain(caplog):
    values = usable_llc(judged(["escaped"] * 3 + ["ok"] * 4), StageSettings(leave_out=("escaped",)))
    assert np.isfinite(values).all()
    assert "too few sound estimates" in caplog.text
