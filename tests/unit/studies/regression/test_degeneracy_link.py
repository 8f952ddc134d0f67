"""The criterion of R16 on simulated curves whose answer is known: power and false positives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.run_evidence import Curve, RunEvidence
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, overall
from stagewise.development.layout import MILESTONES, STAGES
from stagewise.development.settings import StageSettings
from stagewise.studies.regression.claims.degeneracy import judged
from stagewise.studies.regression.claims.evidence import RegressionEvidence
from stagewise.studies.regression.degeneracy_link import falls, link

LEDGER = yaml.safe_load((Path(__file__).parents[4] / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.regression.claims")
RULE = LEDGER["R16"]["thresholds"]
LAST = 25_000
STEPS = np.unique(np.r_[np.geomspace(30, LAST, 17), np.linspace(1000, LAST, 17)].round())
TIME = np.log1p(STEPS)
FROM, TO = np.log(4000), np.log(LAST)
TOP = 40.0


def sigmoid(place: float, width: float, time: np.ndarray = TIME) -> np.ndarray:
    return 1 / (1 + np.exp((place - time) / width))


def rises(rng: np.random.Generator):
    """Return a curve of log time that rises twice, at random times and by random amounts, to 1."""
    places = rng.uniform(FROM + 0.2, TO - 0.1, 2)
    widths, sizes = rng.uniform(0.05, 0.25, 2), rng.uniform(0.3, 1, 2)

    def curve(time: np.ndarray) -> np.ndarray:
        parts = [a * sigmoid(m, w, time) for m, w, a in zip(places, widths, sizes, strict=True)]
        return np.sum(parts, axis=0) / sizes.sum()

    return curve


def simulated(seed: int, share: float, noise: float, lag: float = 0.0):
    """Return curves of an LLC that rises and falls, of which a share is that of the count's rise."""
    rng = np.random.default_rng(seed)
    mine, other = rises(rng), rises(rng)
    fall = share * mine(TIME - lag) + (1 - share) * other(TIME)
    llc = TOP * sigmoid(np.log(1500), 0.35) - 0.75 * TOP * fall + 3 * sigmoid(TO - 0.1, 0.05)
    error = np.full(len(TIME), noise * TOP)
    lost = 8000 + 3000 * mine(TIME) + rng.integers(-40, 41, len(TIME))
    return STEPS, llc + error * rng.standard_normal(len(TIME)), error, lost


def outcomes(count: int, **how) -> np.ndarray:
    """Return 1, 0 and -1 for networks that agree, cannot be told, and are against."""
    found = []
    for seed in range(count):
        curves = simulated(seed, **how)
        if falls(*curves[:3], min_points=RULE["min_points"], min_share=RULE["min_share"]):
            found.append(0)
            continue
        seen = link(*curves, seed=0, num_draws=60)
        one = judged(seen, RULE["min_correlation"], RULE["max_chance"])
        found.append(0 if one is None else 2 * int(one) - 1)
    return np.array(found)


def supported(found: np.ndarray) -> float:
    """Return how often three networks together support the claim."""
    words = {1: True, 0: None, -1: False}
    verdicts = [
        overall(dict(enumerate(words[one] for one in three)))
        for three in found.reshape(-1, 3).tolist()
    ]
    return float(np.mean([verdict == SUPPORTED for verdict in verdicts]))


@pytest.mark.parametrize(("noise", "agree", "together"), [(0.02, 0.7, 0.9), (0.04, 0.5, 0.65)])
def test_a_fall_that_is_that_of_the_count_is_found(noise, agree, together) -> None:
    found = outcomes(90, share=1.0, noise=noise)
    assert (found == 1).mean() >= agree
    assert (found == -1).mean() <= 0.05
    assert supported(found) >= together


@pytest.mark.parametrize("noise", [0.02, 0.04])
def test_a_fall_at_times_of_its_own_is_seldom_taken_for_it(noise) -> None:
    found = outcomes(90, share=0.0, noise=noise)
    assert (found == 1).mean() <= 0.13
    assert (found == -1).mean() >= 0.5
    assert supported(found) <= 0.1


def test_half_of_a_fall_is_mostly_not_enough() -> None:
    assert (outcomes(60, share=0.5, noise=0.02) == 1).mean() <= 0.5


def test_a_fall_that_comes_later_is_told_by_how_much() -> None:
    lags = [link(*simulated(seed, 1.0, 0.02, 0.3), seed=0, num_draws=2).lag for seed in range(40)]
    assert np.median(lags) == pytest.approx(0.3, abs=0.06)
    assert (outcomes(60, share=1.0, noise=0.02, lag=0.3) == 1).mean() <= 0.12


def test_a_count_that_cannot_explain_the_size_is_against_it() -> None:
    """30 of the LLC fall, and 20 parameters explain 10 at most, whenever they are lost."""
    seen = link(*simulated(0, 1.0, 0.02)[:3], 8000 + 20 * (STEPS > 8000), seed=0)
    assert seen.explained == 10
    assert judged(seen, -1.0, 1.0) is False


def test_a_curve_without_a_fall_is_not_tested() -> None:
    limits = {"min_points": RULE["min_points"], "min_share": RULE["min_share"]}
    rising = np.linspace(0, 40, len(STEPS))
    few, little = (
        falls(STEPS, curve, np.ones(len(STEPS)), **limits)
        for curve in (rising, np.r_[40, 39.5 * np.ones(len(STEPS) - 1)])
    )
    assert "too few" in few
    assert "too little" in little


def test_a_count_that_does_not_change_correlates_with_nothing() -> None:
    steps, llc, error, lost = simulated(0, 1.0, 0.02)
    seen = link(steps, llc, error, np.full_like(lost, 8000.0), seed=0, num_draws=4)
    assert (seen.correlation, seen.chance, seen.explained) == (0, 1, 0)


def verdict_on(*networks):
    """Return the verdict on networks given by the arguments of `simulated`."""
    runs, counts = [], {}
    for seed, how in enumerate(networks):
        steps, llc, error, lost = simulated(**how)
        estimates = xr.Dataset(
            {
                "llc_mean": ("step", llc),
                "llc_stderr": ("step", error),
                "verdict": ("step", np.where(steps < 50, "escaped", "ok").astype(object)),
            },
            {"step": steps},
        )
        curve = Curve(estimates, MILESTONES.empty(), STAGES.empty())
        runs.append(RunEvidence(f"base-s{seed}", "base", seed, xr.Dataset(), {"local": curve}))
        counts[f"base-s{seed}"] = xr.Dataset(
            {"lost": (("step", "below", "map", "source"), lost[:, None, None, None])},
            {"step": steps, "below": [RULE["below"]]},
        )
    evidence = RegressionEvidence(
        runs, pd.DataFrame(), {}, 0.125, "AABBA", StageSettings(), 0, degeneracy=counts
    )
    return CHECKS["R16"](evidence, **RULE)


FOLLOWS, OWN = (
    {"seed": 1, "share": 1.0, "noise": 0.01},
    {"seed": 4, "share": 0.0, "noise": 0.01},
)


def test_r16_can_be_supported_refuted_mixed_and_declined() -> None:
    assert verdict_on(FOLLOWS, FOLLOWS).verdict == SUPPORTED
    assert verdict_on(OWN).verdict == REFUTED
    found = verdict_on(FOLLOWS, OWN)
    assert (found.verdict, found.seeds) == (MIXED, (0, 1))
    assert "explained at most" in found.value
    assert verdict_on().verdict == NOT_TESTABLE
