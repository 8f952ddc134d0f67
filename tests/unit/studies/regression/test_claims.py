"""Every claim on the regression study can be supported, refuted, mixed and declined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from stagewise.claims.reading import read_curves, read_runs
from stagewise.claims.registry import checks_of
from stagewise.claims.run_evidence import Curve, RunEvidence
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.development.layout import MILESTONES, SOUND_SHARE, STAGES
from stagewise.development.settings import StageSettings
from stagewise.llc.agreement import agreement_table
from stagewise.llc.layout import AGREEMENT, LLC
from stagewise.llc.scale_layout import HESSIAN
from stagewise.stores.files import StoreError, write_dataset
from stagewise.studies.regression.claims.evidence import RegressionEvidence
from stagewise.studies.regression.layout import METRICS

ROOT = Path(__file__).parents[4]
LEDGER = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.regression.claims")
PAIRS = (("local", "likelihood"), ("local", "fresh"))
LAST = 20_000
STEPS = np.unique(np.geomspace(1, LAST, 41).round().astype(int) - 1)
STEPS[-1] = LAST
KNOWN_MILESTONES = (100.0, 1_000.0, 4_000.0, 10_000.0)


def curve(
    types: str = "AABBA",
    milestones: Sequence[float] = KNOWN_MILESTONES,
    llc: np.ndarray | None = None,
    saturated: Sequence[bool] | None = None,
    loss: np.ndarray | None = None,
    sound: int = 33,
) -> Curve:
    """Return an LLC curve with the stage types and milestones given, intervals ±10 %."""
    at = np.array(milestones[: len(types) - 1])
    edges = [0.0, *at, float(LAST)]
    count = len(STEPS)
    means = np.log1p(STEPS) if llc is None else llc
    flagged = np.zeros(count, bool) if saturated is None else np.array(saturated)
    return Curve(
        xr.Dataset(
            {
                "llc": (
                    ("step", "chain"),
                    means[:, None] + np.random.default_rng(0).standard_normal((count, 8)),
                ),
                "llc_mean": ("step", means),
                "llc_stderr": ("step", np.full(count, 0.01)),
                "init_loss": ("step", np.linspace(4, 2, count) if loss is None else loss),
                "saturated": ("step", flagged),
                "verdict": ("step", np.where(flagged, "saturated", "ok")),
            },
            coords={"step": STEPS},
        ),
        pd.DataFrame(
            {
                "step": at,
                "log_step": np.log1p(at),
                "interval_low": 0.9 * at,
                "interval_high": 1.1 * at,
                "probability": np.full(len(at), 0.9),
            }
        ),
        pd.DataFrame(
            {
                "type": list(types),
                "start": [a for a, _ in pairwise(edges)],
                "end": [b for _, b in pairwise(edges)],
                "num_sound": sound,
                "num_estimates": 33,
            }
        ),
    )


def metrics(**values: Any) -> xr.Dataset:
    """Return metrics along STEPS, each with a standard error of 0.01."""
    stored: dict[str, Any] = {}
    for name, value in values.items():
        stored[name] = ("step", np.broadcast_to(value, STEPS.shape).astype(float))
        stored[f"{name}_stderr"] = ("step", np.full(len(STEPS), 0.01))
        stored[f"{name}_change_stderr"] = ("step", np.full(len(STEPS), 0.01))
    return xr.Dataset(stored, coords={"step": STEPS})


def run(
    seed: int,
    measured: xr.Dataset | None = None,
    variant: str = "base",
    **curves: Curve,
) -> RunEvidence:
    name = f"{variant}-s{seed}"
    return RunEvidence(name, variant, seed, metrics() if measured is None else measured, curves)


def curvature(turning: Sequence[float], scatter: float = 0.03) -> xr.Dataset:
    """Return a trace and eigenvalues whose logarithms turn at the steps given, with some scatter."""
    at = np.log1p(turning)
    grid = np.linspace(0, np.log1p(LAST), 2000)
    edges = np.array([2 * at[0] - at[1], *at, grid[-1] + 0.3])
    part = np.clip(np.searchsorted(edges, grid, side="right") - 1, 0, len(at))
    within = (grid - edges[part]) / np.diff(edges)[part]
    slope = np.where(grid < edges[0], 0, (-1.0) ** part * np.sin(np.pi * within))
    shape = np.interp(np.log1p(STEPS), grid, np.cumsum(slope))
    noise = np.random.default_rng(0).standard_normal((4, len(STEPS)))
    values = np.exp(shape / np.ptp(shape) + scatter * noise)
    return HESSIAN.dataset(
        {"trace": values[0], "trace_stderr": np.ones(len(STEPS)), "eigenvalue": values[1:].T},
        {"step": STEPS, "rank": [1, 2, 3]},
        {},
    )


def verdict_on(
    claim: str, *runs: RunEvidence, hessian: Mapping[str, xr.Dataset] | None = None
) -> Verdict:
    made = [
        agreement_table(
            run.name,
            {setting: one.llc for setting, one in run.curves.items()},
            [[first, second] for first, second in PAIRS if {first, second} <= set(run.curves)],
            seed=0,
        )
        for run in runs
    ]
    evidence = RegressionEvidence(
        runs,
        pd.concat([*made, AGREEMENT.empty()]),
        hessian or {},
        0.125,
        "AABBA",
        StageSettings(num_draws=50, grid_points=200),
        draw_seed=0,
    )
    return CHECKS[claim](evidence, **LEDGER[claim]["thresholds"])


# Soundness


@pytest.mark.parametrize("claim", ["R1", "R2", "R3", "R5", "R11", "R12"])
def test_curves_of_unsound_estimates_test_nothing(claim: str) -> None:
    runs = [run(seed, published=curve(sound=2)) for seed in range(3)]
    found = verdict_on(claim, *runs)
    assert found.verdict == NOT_TESTABLE
    assert "seed 0: 2 of 33 estimates are sound" in found.value
    assert found.seeds == ()


def test_unsound_curves_are_named_beside_sound_ones() -> None:
    found = verdict_on("R1", run(0, published=curve()), run(1, published=curve("AB", sound=26)))
    assert (found.verdict, found.seeds) == (SUPPORTED, (0,))
    assert "seed 1: 26 of 33" in found.value


def test_stages_are_pale_where_claims_do_not_look() -> None:
    for claim in ("R1", "R2", "R3", "R5", "R11", "R12", "L1"):
        assert LEDGER[claim]["thresholds"]["min_sound"] == SOUND_SHARE


# R1, R2: stage types


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        (["AABBA", "AABBA"], SUPPORTED),
        (["AB", "ABA"], REFUTED),
        (["AABBA", "ABA"], MIXED),
        ([], NOT_TESTABLE),
    ],
)
def test_r1_stage_types(types: list[str], expected: str) -> None:
    verdict = verdict_on("R1", *(run(s, published=curve(t)) for s, t in enumerate(types)))
    assert verdict.verdict == expected
    assert all(sequence in verdict.value for sequence in types)


@pytest.mark.parametrize(
    ("types", "shift", "expected"),
    [
        (["ABA", "ABA", "ABA"], 1.5, SUPPORTED),
        (["ABA", "ABA", "ABA"], 4.0, MIXED),
        (["ABA", "ABA", "AABBA"], 1.0, MIXED),
        (["AB", "ABA", "AABBA"], 1.0, REFUTED),
        (["ABA", "ABA"], 1.0, NOT_TESTABLE),
        (["A", "A", "A"], 1.0, MIXED),
    ],
)
def test_r2_same_stages(types: list[str], shift: float, expected: str) -> None:
    """`shift` moves the last seed's milestones: a factor e is the limit."""
    factors = [1.0] * (len(types) - 1) + [shift]
    runs = [
        run(seed, published=curve(t, [m * f for m in KNOWN_MILESTONES]))
        for seed, (t, f) in enumerate(zip(types, factors, strict=True))
    ]
    assert verdict_on("R2", *runs).verdict == expected


# R3, R4, R5: behaviour


def prediction(place: float, depth: float) -> xr.Dataset:
    """Return a mean squared prediction with its minimum at `place`."""
    return metrics(mean_squared_prediction=depth + np.abs(np.log1p(STEPS) - np.log1p(place)))


def test_r3_task_prior() -> None:
    good = run(0, prediction(100, 0.0), published=curve())
    late = run(1, prediction(1_000, 0.0), published=curve())
    high = run(1, prediction(100, 0.12), published=curve())  # below 0.125, by less than 2 s.e.
    alone = run(1, prediction(100, 0.0), published=curve("A"))
    assert verdict_on("R3", good).verdict == SUPPORTED
    assert verdict_on("R3", late).verdict == REFUTED
    assert verdict_on("R3", high).verdict == REFUTED
    assert verdict_on("R3", good, late).verdict == MIXED
    assert verdict_on("R3").verdict == NOT_TESTABLE
    without = verdict_on("R3", alone)
    assert without.verdict == REFUTED
    assert "no milestone" in without.value


def test_r4_mean_task() -> None:
    def finite(seed: int, to_mean: float) -> RunEvidence:
        measured = metrics(distance_to_mean_task=to_mean, mean_squared_prediction=0.20)
        return run(seed, measured, variant="tasks16")

    assert verdict_on("R4", finite(0, 0.1), finite(1, 0.05)).verdict == SUPPORTED
    # Less than two joint standard errors, 0.028, is no difference.
    assert verdict_on("R4", finite(0, 0.18), finite(1, 0.3)).verdict == REFUTED
    assert verdict_on("R4", finite(0, 0.1), finite(1, 0.3)).verdict == MIXED
    assert verdict_on("R4", run(0)).verdict == NOT_TESTABLE


def scores(fall_at: float, bump: float, locate_at: float = 30.0) -> xr.Dataset:
    """Return ICL scores: the fall of 1:K and D:K around one step, a bump of D:K before."""
    u = np.log1p(STEPS)

    def fall(place: float) -> np.ndarray:
        return -1 / (1 + np.exp(-6 * (u - np.log(place))))

    early = bump * np.exp(-((u - np.log(fall_at / 4)) ** 2) * 4)
    refine = fall(fall_at) + early
    return metrics(icl_total=2 * fall(fall_at), icl_refine=refine, icl_locate=fall(locate_at))


def test_r5_icl_emerges() -> None:
    good = run(0, scores(400, 0.3), published=curve())
    late = run(1, scores(3_000, 0.3), published=curve())
    single = run(1, scores(400, 0.3), published=curve("A"))
    flat = run(1, metrics(icl_total=0, icl_refine=0, icl_locate=0), published=curve())
    assert verdict_on("R5", good).verdict == SUPPORTED
    for bad in (late, single, flat):
        assert verdict_on("R5", bad).verdict == REFUTED
        assert verdict_on("R5", good, bad).verdict == MIXED
    assert verdict_on("R5").verdict == NOT_TESTABLE


def test_r5b_refining_worsens() -> None:
    good = run(0, scores(400, 0.3))
    smooth = run(1, scores(400, 0.0))
    small = run(1, scores(400, 0.08))  # 8 standard errors, and less than the noise
    unlocated = run(1, scores(400, 0.3, locate_at=10_000))
    assert verdict_on("R5b", good).verdict == SUPPORTED
    for bad in (smooth, small, unlocated):
        assert verdict_on("R5b", bad).verdict == REFUTED
        assert verdict_on("R5b", good, bad).verdict == MIXED
    unsure = run(
        1, scores(400, 0.1).assign(icl_refine_change_stderr=("step", np.full(len(STEPS), 0.1)))
    )
    assert verdict_on("R5b", unsure).verdict == NOT_TESTABLE
    assert verdict_on("R5b", good, unsure).verdict == SUPPORTED
    assert verdict_on("R5b").verdict == NOT_TESTABLE


def test_r5b_takes_no_tiny_early_change_for_the_fall() -> None:
    """While nothing is learned, changes and their paired errors are tiny, and their ratio is large."""
    measured = scores(400, 0.3)
    first = measured["icl_refine"].copy()
    first[1:3] = first[0] - 1e-4
    error = measured["icl_refine_change_stderr"].copy()
    error[1:3] = 1e-5
    tiny = measured.assign(icl_refine=first, icl_refine_change_stderr=error)
    assert verdict_on("R5b", run(0, tiny)).verdict == SUPPORTED


def test_r5b_by_chance() -> None:
    """Of runs without a rise, few have one by chance; of runs with one of 5 errors, nearly all."""
    rng = np.random.default_rng(0)

    def simulated(bump: float, stderr: float) -> RunEvidence:
        made = scores(400, bump)
        common = rng.standard_normal()  # contexts are the same at all checkpoints
        noise = 0.7 * common + 0.7 * rng.standard_normal(len(STEPS))
        made["icl_refine"] = made["icl_refine"] + stderr * noise
        made["icl_refine_change_stderr"] = ("step", np.full(len(STEPS), stderr))
        return run(0, made)

    none = [verdict_on("R5b", simulated(0.0, 0.05)).verdict for _ in range(200)]
    some = [verdict_on("R5b", simulated(0.3, 0.05)).verdict for _ in range(200)]
    assert none.count(SUPPORTED) == 0
    assert some.count(SUPPORTED) >= 180


# R11: what the loss shows


def loss_with_turns(*places: float) -> xr.Dataset:
    """Return a test loss that turns at each place."""
    edges = np.log1p([0, *places, LAST])
    height = np.cumsum([0, *((-1) ** np.arange(1, len(edges)) * np.diff(edges))])
    return metrics(test_loss=10 + np.interp(np.log1p(STEPS), edges, height))


def test_r11_what_the_loss_shows() -> None:
    inside = curve("AABBA", [30, 400, 3_000, 12_000])
    hidden = run(0, loss_with_turns(30, 400), published=inside)
    shown = run(1, loss_with_turns(30, 400, 3_000), published=inside)
    missing = run(1, loss_with_turns(30), published=inside)
    plain = run(1, loss_with_turns(30, 400), published=curve("AABA", [30, 400, 12_000]))
    blind = run(1, loss_with_turns(3_000), published=curve("AABA", [30, 400, 12_000]))
    turnless = run(1, loss_with_turns(30), published=curve("AA", [30]))
    assert verdict_on("R11", hidden).verdict == SUPPORTED
    for bad in (shown, missing, blind, turnless):
        assert verdict_on("R11", bad).verdict == REFUTED
        assert verdict_on("R11", hidden, bad).verdict == MIXED
    untested = verdict_on("R11", plain)
    assert untested.verdict == NOT_TESTABLE
    assert "no milestone inside the fall" in untested.value
    assert untested.seeds == ()
    assert verdict_on("R11", hidden, plain).seeds == (0,)
    assert verdict_on("R11").verdict == NOT_TESTABLE


def test_r11_fall_without_an_end_reaches_to_the_last_step() -> None:
    endless = run(0, loss_with_turns(30, 400, 3_000), published=curve("AABB", [30, 400, 3_000]))
    assert verdict_on("R11", endless).verdict == REFUTED


# R13, R14, R15: estimates


def test_r13_same_order() -> None:
    u = np.log1p(STEPS)
    swapped = u.copy()
    swapped[:20] = u[19::-1]

    def pair(seed: int, likelihood: np.ndarray, error: float = 0.01) -> RunEvidence:
        local, other = curve(llc=u), curve(llc=likelihood)
        for item in (local, other):
            item.llc["llc_stderr"] = ("step", np.full(len(STEPS), error))
        return run(seed, local=local, likelihood=other)

    good, bad = pair(0, u**3), pair(1, swapped)
    assert verdict_on("R13", good).verdict == SUPPORTED
    assert "rank correlation 1.000" in verdict_on("R13", good).value
    assert verdict_on("R13", bad).verdict == REFUTED
    assert verdict_on("R13", good, bad).verdict == MIXED
    # Errors as large as the curve: neither bound can tell.
    unsure = verdict_on("R13", pair(0, u**3, error=3.0))
    assert unsure.verdict == NOT_TESTABLE
    assert "rank correlation 1.000" in unsure.value
    assert unsure.seeds == ()
    sparse = u.copy()
    sparse[9:] = np.nan
    few = verdict_on("R13", pair(0, sparse))
    assert few.verdict == NOT_TESTABLE
    assert "9 checkpoints, too few" in few.value
    assert verdict_on("R13", run(0, local=curve())).verdict == NOT_TESTABLE


def test_r14_shared_noise() -> None:
    rng = np.random.default_rng(0)
    u = np.log1p(STEPS)
    noise = rng.standard_normal(len(STEPS))

    def pair(seed: int, local: np.ndarray, fresh: np.ndarray) -> RunEvidence:
        return run(seed, local=curve(llc=local), fresh=curve(llc=fresh))

    good = pair(0, u, u + 0.1 * noise)
    rough = pair(1, u + 0.1 * noise, u)
    wrong = pair(1, u + 2 * noise, u[::-1])
    assert verdict_on("R14", good).verdict == SUPPORTED
    assert verdict_on("R14", wrong).verdict == REFUTED
    assert verdict_on("R14", rough).verdict == MIXED
    assert verdict_on("R14", good, wrong).verdict == MIXED
    assert verdict_on("R14", run(0, local=curve())).verdict == NOT_TESTABLE
    assert verdict_on("R14", pair(0, u, np.full_like(u, np.nan))).verdict == NOT_TESTABLE


def test_r15_local_chains() -> None:
    early = np.arange(len(STEPS)) < 6
    none = np.zeros_like(early)
    loss = 4 - np.sqrt(np.arange(len(STEPS)))
    bent = np.where(np.arange(len(STEPS)) % 2, 1.0, -1.0)

    def seed(
        index: int, llc: np.ndarray = -3 * loss, local_types: str = "AABBA", **changes: Any
    ) -> RunEvidence:
        published = curve(llc=llc, loss=loss, saturated=changes.pop("published", early))
        changes = {"llc": changes.pop("local_llc", bent), "loss": loss, **changes}
        local = curve(local_types, changes.pop("milestones", KNOWN_MILESTONES), **changes)
        return run(index, published=published, local=local)

    good = seed(0)
    assert verdict_on("R15", good).verdict == SUPPORTED
    bent_line, forgetful = seed(1, llc=bent), seed(1, saturated=early)
    restated = seed(1, local_llc=-2 * loss)
    for bad in (bent_line, forgetful, restated):
        assert verdict_on("R15", bad).verdict == REFUTED
        assert verdict_on("R15", good, bad).verdict == MIXED
    moved = seed(1, milestones=[2 * m for m in KNOWN_MILESTONES[:3]] + [15_000])
    assert verdict_on("R15", moved).verdict == MIXED
    assert verdict_on("R15", seed(1, local_types="AA")).verdict == MIXED
    assert verdict_on("R15", seed(1, local_types="AABB")).verdict == MIXED  # no end of the fall
    few = verdict_on("R15", seed(0, published=none))
    assert few.verdict == NOT_TESTABLE
    assert "too few" in few.value
    assert verdict_on("R15", run(0, published=curve())).verdict == NOT_TESTABLE


# Reading


def write_stores(folder: Path, name: str, setting: str) -> list[Path]:
    """Write the stores of one run and setting; return metrics, LLC, milestones, stages."""
    paths = [folder / f for f in ("metrics.nc", "llc.nc", "milestones.csv", "stages.csv")]
    for path, layout in zip(paths[:2], (METRICS, LLC), strict=True):
        variables = {
            variable: described.of(np.ones((2,) * len(described.dims)))
            for variable, described in layout.variables.items()
        }
        write_dataset(path, xr.Dataset(variables), {"run": name, "setting": setting})
    numbers = {"start": 0.0, "end": 9.0, "llc_start": 0.0, "llc_end": 1.0, "llc_change": 1.0}
    stage = {"run": name, "setting": setting, "stage": 1, "type": "A", **numbers}
    stage |= {"sound": True, "num_sound": 8, "num_estimates": 9}
    STAGES.write(paths[3], pd.DataFrame([stage])[list(STAGES.columns)])
    times = {"step": 4.0, "log_step": 1.6, "interval_low": 3.0, "interval_high": 5.0}
    place = {
        "run": name,
        "setting": setting,
        "kind": "plateau",
        "llc": 1.0,
        "probability": 1.0,
        "p_value": 0.01,
    }
    row = pd.DataFrame([times | place])[list(MILESTONES.columns)]
    MILESTONES.write(paths[2], row)
    return paths


def test_stores_are_read_and_those_of_others_refused(tmp_path: Path) -> None:
    measured, *files = write_stores(tmp_path, "base-s0", "local")
    curves = read_curves([["base-s0", "local"]], *([path] for path in files))
    entry = {"name": "base-s0", "variant": "base", "seed": 0}
    (read,) = read_runs([entry], [measured], METRICS, curves)
    assert read.curves["local"].sequence == "A"
    assert read.curves["local"].peak() is None
    for other in (["base-s1", "local"], ["base-s0", "published"]):
        with pytest.raises(StoreError, match="belongs to"):
            read_curves([other], *([path] for path in files))
    with pytest.raises(StoreError, match=r"metrics\.nc belongs to base-s0, not to base-s1"):
        read_runs([entry | {"name": "base-s1"}], [measured], METRICS, {})


# R12


@pytest.mark.parametrize(
    ("turning", "expected", "missed"),
    [(KNOWN_MILESTONES, REFUTED, 0), (KNOWN_MILESTONES[:2], SUPPORTED, 2)],
)
def test_r12_counts_the_boundaries_that_curvature_misses(
    turning: Sequence[float], expected: str, missed: int
) -> None:
    found = verdict_on("R12", run(0, published=curve()), hessian={"base-s0": curvature(turning)})
    assert found.verdict == expected
    assert f"{missed} of 4 boundaries missed by 4 statistics" in found.value


def test_r12_needs_four_boundaries_and_curves_that_could_show_them() -> None:
    runs = run(0, published=curve("AAB")), run(1, published=curve())
    noisy = curvature(KNOWN_MILESTONES, scatter=0.3)
    found = verdict_on("R12", *runs, hessian={run.name: noisy for run in runs})
    assert (found.verdict, found.seeds) == (NOT_TESTABLE, ())
    assert "seed 0: 2 boundaries, too few to test" in found.value
    assert "seed 1: curvature scatters too much to test" in found.value
