"""Claim R6 on planted ICL scores: power, false positives, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.run_evidence import RunEvidence
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED
from stagewise.development.settings import StageSettings
from stagewise.studies.regression.claims.evidence import RegressionEvidence

LEDGER = yaml.safe_load((Path(__file__).parents[4] / "config/claims.yaml").read_text())
CHECK = checks_of("stagewise.studies.regression.claims")["R6"]
STEPS = np.unique(np.geomspace(1, 20_000, 60).round()).astype(int)
SCALES = (1.0, 3.0, 5.0, 10.0)
BEST = 4.0


def measured(
    lost: float, seed: int, noise: float = 0.05, shared: float = 0.9, loss_falls: bool = True
) -> xr.Dataset:
    """Return scores that lose a share of their best value after half of log time.

    Errors of the checkpoints have a common part, as those over the same contexts have, and the error
    of a change is without it.
    """
    rng = np.random.default_rng(seed)
    time = np.log1p(STEPS) / np.log1p(STEPS[-1])
    curve = -BEST * (np.minimum(time, 0.5) / 0.5 - lost * np.maximum(time - 0.5, 0) / 0.5)

    own_part = np.sqrt(1 - shared**2)

    def noisy(values: np.ndarray, size: float) -> np.ndarray:
        own = own_part * rng.standard_normal(STEPS.size)
        return values + size * (shared * rng.standard_normal() + own)

    scores = np.stack([noisy(curve, noise) for _ in SCALES], axis=1)
    loss = 4 - 2 * (time if loss_falls else np.minimum(time, 0.45))
    return xr.Dataset(
        {
            "icl_scaled": (("step", "input_scale"), scores),
            "icl_scaled_stderr": (("step", "input_scale"), np.full_like(scores, noise)),
            "icl_scaled_rest_stderr": (
                ("step", "input_scale"),
                np.full_like(scores, 2**0.5 * own_part * noise),
            ),
            "test_loss": ("step", noisy(loss, 0.01)),
            "test_loss_stderr": ("step", np.full(STEPS.size, 0.01)),
        },
        coords={"step": STEPS, "input_scale": list(SCALES)},
    )


def verdict_on(*runs: xr.Dataset) -> str:
    evidence = RegressionEvidence(
        [RunEvidence(f"base-s{n}", "base", n, one) for n, one in enumerate(runs)],
        pd.DataFrame(),
        {},
        0.125,
        "AABBA",
        StageSettings(),
        0,
    )
    return CHECK(evidence, **LEDGER["R6"]["thresholds"]).verdict


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_planted_losses_are_found_and_nothing_without_them(shared):
    planted = [verdict_on(measured(0.3, seed, shared=shared)) for seed in range(100)]
    assert planted.count(SUPPORTED) >= 99
    steady = [verdict_on(measured(0.0, seed, shared=shared)) for seed in range(300)]
    assert steady.count(SUPPORTED) <= 3
    assert steady.count(REFUTED) >= 270


@pytest.mark.parametrize("noise", [0.6, 1.5])
@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_best_of_many_checkpoints_is_no_loss(shared, noise):
    """With noise enough a tenth of the score is nothing: only the number of errors guards against it."""
    steady = [verdict_on(measured(0.0, seed, noise, shared)) for seed in range(150)]
    assert steady.count(SUPPORTED) <= 2


def test_what_noise_hides_is_not_called_refuted():
    hidden = [verdict_on(measured(0.05, seed, noise=0.8, shared=0.5)) for seed in range(50)]
    assert REFUTED not in hidden
    assert hidden.count(NOT_TESTABLE) >= 48


def test_a_scale_at_which_nothing_is_learned_has_nothing_to_lose():
    one = measured(0.0, 0)
    one["icl_scaled"].loc[{"input_scale": 10.0}] *= -1
    assert verdict_on(one) == REFUTED
    one["icl_scaled"] = abs(one["icl_scaled"])
    assert verdict_on(one) == NOT_TESTABLE


def test_what_contexts_have_in_common_hides_nothing():
    """The same noise of the contexts, but paired: a loss of three tenths is seen."""
    together = [verdict_on(measured(0.3, seed, noise=0.5, shared=0.97)) for seed in range(50)]
    assert together.count(SUPPORTED) >= 48


def test_a_loss_that_stops_falling_is_no_such_case_and_seeds_can_differ():
    assert verdict_on(measured(0.3, 0, loss_falls=False)) == NOT_TESTABLE
    assert verdict_on(measured(0.3, 0), measured(0.3, 1)) == SUPPORTED
    assert verdict_on(measured(0.3, 0), measured(0.0, 1)) == MIXED
