"""Every claim on language models can be supported, refuted, mixed and declined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.run_evidence import Curve, RunEvidence
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.studies.language.claims.evidence import LanguageEvidence, best_head, crossing
from stagewise.studies.language.landmarks import (
    landmark_table,
    landmarks,
    landmarks_of,
    loss_bump,
    ngram_growth,
)
from stagewise.studies.language.layout import LANDMARKS

ROOT = Path(__file__).parents[4]
LEDGER = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.language.claims")
STEPS = np.array([0, 100, 200, 400, 800, 1200, 1600, 2000, 3000, 4000])
FIRST, LATE = np.arange(10) >= 3, np.arange(10) >= 7
"""Bigrams are best known at step 400; induction forms at step 2000."""


def along(values: Any) -> np.ndarray:
    return np.broadcast_to(np.asarray(values, dtype=float), STEPS.shape).copy()


def heads(num_layers: int, **series: Any) -> xr.DataArray:
    """Return scores of two heads a layer, near 0 but for those given as layer and head, ``l1h0``."""
    scores = np.full((len(STEPS), num_layers, 2), 0.02)
    for place, values in series.items():
        scores[:, int(place[1]), int(place[3])] = along(values)
    return xr.DataArray(scores, dims=("step", "layer", "head"), coords={"step": STEPS})


def metrics(num_layers: int = 2, **changes: Any) -> xr.Dataset:
    """Return what a model that behaves as claimed would show, but for the changes."""
    growth = np.where(LATE, 4.0, np.where(FIRST, 1.0, 0.9))
    last = num_layers - 1
    bend = np.cos(np.outer(np.arange(1, 3), (np.arange(50) + 0.5) * np.pi / 50)).T
    values: dict[str, Any] = {
        "test_loss": along([7, 6, 5, 4.5, 4.3, 4.2, 4.1, 4.3, 4.0, 3.9]),
        "bigram_score": along([7, 6, 5, 4.3, 4.4, 4.5, 4.6, 4.7, 4.8, 4.9]),
        "ngram": np.stack([along(1.1), growth, growth], 1),
        "effect": np.where(FIRST, 1.0, 0.01),
        "icl_score": np.where(LATE, -0.3, 0.0) if num_layers > 1 else along(0.0),
        "completion_gain": np.where(LATE, 2.0, 0.2) if num_layers > 1 else along(0.2),
        "previous": heads(num_layers, l0h1=np.where(np.arange(10) >= 5, 0.5, 0.02)),
        "prefix": heads(num_layers, **{f"l{last}h0": np.where(LATE, 0.4, 0.02)})
        if num_layers > 1
        else heads(1),
        "composition": np.where(np.arange(10) >= 4, 0.2, 0.1),
        "share": 0.8,
        "scores": np.column_stack([bend, np.zeros(50)]),
    } | changes
    composed = np.full((len(STEPS), 2, 2), 0.1)
    composed[:, 1, 0] = values["composition"]
    effect = np.repeat(along(values["effect"])[:, None], 2, 1)
    stored: dict[str, Any] = {
        name: ("step", along(values[name]))
        for name in ("test_loss", "bigram_score", "icl_score", "completion_gain")
    }
    stored |= {f"{name}_stderr": ("step", along(0.01)) for name in stored}
    rows = np.random.default_rng(num_layers).normal(size=(len(STEPS), 400))
    rows += 2 * np.random.default_rng(0).normal(size=400)  # what rows differ by at every step
    stored["icl_score_row"] = ("step", "row"), along(values["icl_score"])[:, None] + rows
    stored |= {
        "ngram_score": (("step", "ngram"), values["ngram"]),
        "ngram_score_stderr": (("step", "ngram"), np.full((len(STEPS), 3), 0.05)),
        "ablation_effect": (("step", "position"), effect),
        "previous_token_score": values["previous"],
        "prefix_matching_score": values["prefix"],
        "composition_key": (("step", "earlier_head", "later_head"), composed),
        "composition_random": 0.1,
        "bigram_entropy": 4.0,
        "position_variance_ratio": (
            ("step", "position_pc"),
            np.tile([values["share"], 0.1, 0.05], (len(STEPS), 1)),
        ),
        "position_score": (
            ("step", "place", "position_pc"),
            np.tile(values["scores"], (len(STEPS), 1, 1)),
        ),
    }
    return xr.Dataset(stored, coords={"step": STEPS, "ngram": [2, 3, 4], "position": [1, 5]})


def curve(
    types: str = "AABAA", marks: tuple[float, ...] = (400, 1200, 1600, 2000), num_sound: int = 33
) -> Curve:
    edges = [0.0, *marks[: len(types) - 1], 4000.0]
    bounds = {"start": edges[:-1], "end": edges[1:]}
    stages = pd.DataFrame(
        {"type": list(types), **bounds, "num_sound": num_sound, "num_estimates": 33}
    )
    return Curve(xr.Dataset(), pd.DataFrame({"step": edges[1:-1]}), stages)


def run(
    variant: str, seed: int = 0, measured: xr.Dataset | None = None, **curves: Curve
) -> RunEvidence:
    depth = 2 if variant == "twolayers" else 1
    own = {"published": curve(), "local": curve()} | curves
    return RunEvidence(
        f"{variant}-s{seed}", variant, seed, metrics(depth) if measured is None else measured, own
    )


def forms(**changes: Any) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "form_step": [1200.0, 1200.0, 2000.0, 2000.0],
            "p_value": 0.01,
            "side": "high",
            "form": [1, 1, 2, 2],
            "measure": ["new_word", "induction"] * 2,
            "share": [0.8, 0.05, 0.4, 0.5],
            "p_elsewhere": [0.01, 0.8, 0.8, 0.02],
            "p_directions": [0.01, 0.8, 0.8, 0.01],
        }
    )
    return rows.assign(**changes)


def verdict_on(claim: str, *runs: RunEvidence, about: pd.DataFrame | None = None) -> Verdict:
    marks = {run.name: landmarks(run.metrics) for run in runs}
    tables = {run.name: forms() if about is None else about for run in runs}
    found = LanguageEvidence(runs, marks, tables, "AABAA")
    return CHECKS[claim](found, **LEDGER[claim]["thresholds"])


@pytest.mark.parametrize("claim", [f"L{number}" for number in range(1, 11)])
def test_what_is_claimed_is_supported_and_numbers_are_given(claim):
    verdict = verdict_on(claim, run("twolayers"), run("onelayer"))
    assert verdict.verdict == SUPPORTED
    assert any(character.isdigit() for character in verdict.value) or claim == "L1"
    assert verdict.seeds == (0,)


def two(**changes: Any) -> RunEvidence:
    return run("twolayers", measured=metrics(2, **changes))


def one(**changes: Any) -> RunEvidence:
    return run("onelayer", measured=metrics(1, **changes))


FALLING = along([7, 6, 5, 4.6, 4.5, 4.4, 4.35, 4.33, 4.32, 4.31])


@pytest.mark.parametrize(
    ("claim", "runs", "expected"),
    [
        ("L1", [run("twolayers", published=curve("AABA"))], REFUTED),
        ("L1", [run("twolayers", published=curve("AABA")), run("twolayers", 1)], MIXED),
        ("L2", [two(bigram_score=FALLING)], REFUTED),
        ("L2", [run("twolayers", local=curve("AB", (1600,)))], MIXED),
        ("L2", [two(bigram_score=1.0 + metrics()["bigram_score"].to_numpy())], MIXED),
        ("L3", [two(ngram=np.full((10, 3), 1.1))], REFUTED),
        ("L3", [two(ngram=np.where(LATE, 1.8, 1.0)[:, None].repeat(3, 1))], MIXED),
        ("L4", [two(effect=np.where(np.arange(10) >= 7, 1.0, 0.01))], REFUTED),
        ("L4", [two(effect=np.where(np.arange(10) >= 5, 1.0, 0.01))], MIXED),
        ("L5", [two(prefix=heads(2))], NOT_TESTABLE),
        ("L5", [two(prefix=heads(2, l1h0=np.where(LATE, 0.4, 0.02), l0h0=0.5))], REFUTED),
        ("L5", [two(previous=heads(2, l0h1=np.where(LATE, 0.5, 0.02)))], MIXED),
        ("L5", [two(prefix=heads(2, l1h0=np.where(np.arange(10) >= 2, 0.4, 0.02)))], REFUTED),
        ("L6", [two(prefix=heads(2))], NOT_TESTABLE),
        ("L6", [two(composition=0.1)], REFUTED),
        ("L6", [two(composition=np.where(np.arange(10) >= 8, 0.2, 0.1))], REFUTED),
        ("L6", [two(composition=np.where(LATE, 0.2, 0.1))], MIXED),
        ("L7", [two(prefix=heads(2))], NOT_TESTABLE),
        ("L7", [two()], NOT_TESTABLE),
        ("L7", [two(icl_score=np.where(LATE, 0.3, 0.0)), run("onelayer")], REFUTED),
        ("L7", [two(icl_score=0.0), run("onelayer")], MIXED),
        ("L7", [run("twolayers"), one(icl_score=np.where(LATE, -0.3, 0.0))], MIXED),
        ("L7", [run("twolayers"), one(icl_score=np.where(LATE, -0.9, 0.0))], REFUTED),
        ("L2", [run("twolayers", local=curve(num_sound=20))], NOT_TESTABLE),
        ("L2", [run("twolayers", local=curve(num_sound=20)), run("twolayers", 1)], SUPPORTED),
        ("L2", [two(bigram_score=FALLING), run("twolayers", 1, local=curve(num_sound=20))], MIXED),
        ("L8", [run("twolayers"), one(completion_gain=1.5)], REFUTED),
        ("L8", [run("twolayers"), one(prefix=heads(1, l0h0=0.3))], REFUTED),
        ("L8", [run("twolayers"), one(test_loss=FALLING)], MIXED),
        ("L8", [run("twolayers"), run("onelayer", local=curve("AA"))], MIXED),
        ("L8", [run("twolayers"), one(ngram=np.full((10, 3), 1.1))], MIXED),
        ("L8", [run("twolayers")], NOT_TESTABLE),
        ("L8", [run("twolayers"), run("onelayer", local=curve(num_sound=20))], NOT_TESTABLE),
        ("L10", [two(share=0.3, scores=np.random.default_rng(0).normal(size=(50, 3)))], REFUTED),
        ("L10", [two(share=0.3)], MIXED),
    ],
)
def test_other_outcomes(claim, runs, expected):
    assert verdict_on(claim, *runs).verdict == expected


@pytest.mark.parametrize(
    ("changes", "local", "expected"),
    [
        ({"p_value": 0.5}, curve(), NOT_TESTABLE),
        ({"p_elsewhere": 0.6}, curve(), REFUTED),
        ({"p_directions": [0.01, 0.8, 0.8, 0.03]}, curve(), MIXED),  # two forms: 0.025 each
        ({"p_directions": float("nan")}, curve(), REFUTED),
        ({"measure": ["induction", "new_word"] * 2}, curve(), MIXED),
        ({"form_step": [120.0, 120.0, 130.0, 130.0]}, curve(), MIXED),
        ({}, curve(num_sound=20), NOT_TESTABLE),
        ({"p_elsewhere": 0.6}, curve(num_sound=20), REFUTED),
    ],
)
def test_forms(changes, local, expected):
    verdict = verdict_on("L9", run("twolayers", local=local), about=forms(**changes))
    assert verdict.verdict == expected


def test_a_run_without_an_llc_has_no_stages_and_says_so():
    bare = RunEvidence("twolayers-s1", "twolayers", 1, metrics())
    for claim in ("L1", "L2", "L9"):
        verdict = verdict_on(claim, run("twolayers"), bare)
        assert (verdict.verdict, verdict.seeds) == (SUPPORTED, (0,))
        assert "seed 1" in verdict.value
        assert "no LLC was estimated" in verdict.value


BOTH = [run("twolayers"), run("onelayer")]


def fall_found(falls: tuple[float, float], rng: np.random.Generator) -> bool:
    """Return whether L7 is supported of 768 rows whose scores differ by 2.5, and change by 1 nat."""
    level = 2.5 * rng.normal(size=768)  # the same rows, whatever the model
    runs = []
    for known, fall in zip(BOTH, falls, strict=True):
        noise = rng.normal(size=(len(STEPS), 768)) / 2**0.5
        rows = level + np.where(LATE, fall, 0.0)[:, None] + noise
        measured = known.metrics[["prefix_matching_score"]].assign(
            icl_score_row=(("step", "row"), rows)
        )
        runs.append(RunEvidence(known.name, known.variant, 0, measured))
    found = LanguageEvidence(runs, {}, {}, "AABAA")
    return CHECKS["L7"](found, **LEDGER["L7"]["thresholds"]).verdict == SUPPORTED


def test_falls_of_the_icl_score_are_found_and_no_others():
    """Power and false positives of L7, with 100 simulated pairs of runs each."""
    rng = np.random.default_rng(0)

    def share(*falls: float) -> float:
        return float(np.mean([fall_found((falls[0], falls[1]), rng) for _ in range(100)]))

    assert share(-0.2, 0.0) >= 0.9
    assert share(0.0, 0.0) <= 0.05
    assert share(-0.2, -0.2) <= 0.05


def test_crossing_is_the_first_step_of_a_share_of_the_rise():
    series = xr.DataArray([1.0, 1.4, 1.6, 2.0, 1.2], {"step": [0, 1, 2, 3, 4]}, "step")
    assert [crossing(series, share) for share in (0.25, 0.5, 1.0)] == [1, 2, 3]


def test_the_best_head_is_the_one_that_reaches_the_highest_score():
    assert best_head(heads(2, l1h1=np.where(np.arange(10) == 4, 0.9, 0.0)), 1) == 1


def test_growth_starts_where_bigrams_are_best():
    growth = ngram_growth(metrics(), 3)
    assert growth.value == pytest.approx(4.0)
    assert growth.stderr == pytest.approx(4 * np.hypot(0.05, 0.05 / 4))


def test_a_bump_is_measured_from_the_least_loss_before_it():
    bump = loss_bump(metrics())
    assert (bump.step, bump.value) == (2000, pytest.approx(0.2))
    assert loss_bump(metrics(test_loss=FALLING)).value == 0


def test_landmarks_are_the_same_after_their_table_is_read(tmp_path):
    own = metrics().assign_attrs(run="twolayers-s0")
    LANDMARKS.write(tmp_path / "landmarks.csv", landmark_table(own))
    assert landmarks_of(LANDMARKS.read(tmp_path / "landmarks.csv")) == landmarks(own)
