"""Claims on the LLC as an instrument can be supported, refuted, mixed and not testable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.development.layout import FORM_RATES
from stagewise.development.synthetic_trajectories import NULLS
from stagewise.exact.suite import RULES
from stagewise.studies.instruments.claims.evidence import InstrumentsEvidence
from stagewise.studies.instruments.claims.validation import PULLED, SCALED

ROOT = Path(__file__).parents[4]
LEDGER = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.instruments.claims")
SCALES = np.array([0.1, 0.3, 1.0, 3.0, 10.0])


def verdict_on(
    claim: str,
    table: pd.DataFrame,
    audits: Sequence[tuple[int, pd.DataFrame]] = (),
    form_rates: pd.DataFrame | None = None,
) -> Verdict:
    rates = FORM_RATES.empty() if form_rates is None else form_rates
    return CHECKS[claim](InstrumentsEvidence(table, audits, rates), **LEDGER[claim]["thresholds"])


def table_of(bias: np.ndarray, stderr: float = 0.1, exact: float = 5.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case": [f"case {index}" for index in range(len(bias))],
            "family": "deep",
            "exact": exact,
            "estimate": exact + bias,
            "stderr": stderr,
            "bias": bias,
            "interval_low": exact + bias - 2.1 * stderr,
            "interval_high": exact + bias + 2.1 * stderr,
        }
    )


@pytest.mark.parametrize(
    ("bias", "expected"),
    [
        ([0.1] * 9 + [1.0], SUPPORTED),  # nine of ten cover
        ([0.02] * 10, MIXED),  # near, but in intervals ten times too wide
        ([0.1] * 7 + [1.0] * 3, MIXED),  # near, but seven of ten cover
        ([1.0] * 10, REFUTED),
        ([0.1] * 9 + [np.nan], SUPPORTED),
        ([0.1] * 7 + [np.nan] * 3, MIXED),
    ],
)
def test_i1_recovers_exact(bias: list[float], expected: str) -> None:
    verdict = verdict_on("I1", table_of(np.array(bias)))
    assert verdict.verdict == expected
    assert ("missed: case" in verdict.value) == (not all(abs(b) < 0.21 for b in bias))
    assert "2.0 to 2.0 %" in verdict.uncertainty


def test_i1_wide_intervals_do_not_make_up_for_large_errors() -> None:
    assert verdict_on("I1", table_of(np.full(10, 1.0), stderr=1.0)).verdict == MIXED
    assert verdict_on("I1", table_of(np.full(10, 1.0), stderr=2.0)).verdict == REFUTED


def test_i1_needs_a_table() -> None:
    assert verdict_on("I1", table_of(np.array([]))).verdict == NOT_TESTABLE


def test_i1_leaves_out_what_is_no_estimate_of_lambda() -> None:
    table = table_of(np.array([0.1] * 9 + [1.0]))
    pulled = table_of(np.full(5, 4.0)).assign(family=PULLED)
    found = verdict_on("I1", pd.concat([table, pulled], ignore_index=True))
    assert found == verdict_on("I1", table)


def test_i1_of_honest_intervals() -> None:
    """Of suites with honest intervals few fail, of those half or twice as wide most do."""
    rng = np.random.default_rng(0)
    verdicts = {
        width: [
            verdict_on("I1", table_of(0.05 * rng.standard_normal(28), 0.05 * width * 1.96 / 2.1))
            for _ in range(200)
        ]
        for width in (0.5, 1.0, 2.0)
    }
    wrong = {w: sum(v.verdict != SUPPORTED for v in found) for w, found in verdicts.items()}
    assert wrong[1.0] <= 20
    assert wrong[0.5] >= 190
    assert wrong[2.0] >= 190


def scaled(
    estimates: np.ndarray,
    stderr: float = 0.1,
    scales: np.ndarray = SCALES,
    pulled: np.ndarray | None = None,
) -> pd.DataFrame:
    parts = [
        table_of(values - 5.0, stderr).assign(family=family, scale=scales)
        for family, values in (
            (SCALED, estimates),
            (PULLED, estimates if pulled is None else pulled),
        )
    ]
    other = table_of(np.array([40.0])).assign(family="deep", scale=np.nan)
    return pd.concat([*parts, other], ignore_index=True)


def test_i2_scale_free() -> None:
    level = np.array([5.0, 5.1, 4.9, 5.1, 5.0])
    outlier = np.array([5.0, 5.0, 5.6, 5.0, 5.0])  # six standard errors off, in the middle
    drift = 5.0 + 0.075 * np.log10(SCALES)  # never far apart, but a trend
    assert verdict_on("I2", scaled(level)).verdict == SUPPORTED
    assert verdict_on("I2", scaled(5.0 * SCALES**0.1)).verdict == REFUTED
    assert verdict_on("I2", scaled(outlier)).verdict == MIXED
    # As it is: the same under a weak pull, not under a strong one.
    pulled = verdict_on("I2", scaled(level, stderr=0.05, pulled=5.0 * SCALES**0.5))
    assert pulled.verdict == MIXED
    assert "scaled, strong pull: 1.58 to 15.8" in pulled.value
    trend = verdict_on("I2", scaled(drift, stderr=0.05))
    assert trend.verdict == MIXED
    assert "over 2.0 decades, slope 0.0065 a decade" in trend.value


def test_i2_needs_precision_and_range() -> None:
    level = np.full(5, 5.0)
    assert (
        verdict_on("I2", table_of(level).assign(family="deep", scale=1.0)).verdict == NOT_TESTABLE
    )
    vague = verdict_on("I2", scaled(level, stderr=0.5))
    narrow = verdict_on("I2", scaled(level, scales=np.linspace(1, 5, 5)))
    for verdict in (vague, narrow):
        assert verdict.verdict == NOT_TESTABLE
        assert "too little to test" in verdict.value
    lost = scaled(level)
    lost.loc[0, ["estimate", "stderr"]] = np.nan
    assert verdict_on("I2", lost).verdict == NOT_TESTABLE


def test_the_claims_look_at_families_of_the_suite() -> None:
    assert {SCALED, PULLED} <= set(RULES)


def test_i4_same_estimates() -> None:
    def audit(*identical: bool) -> pd.DataFrame:
        rows = {"step": range(len(identical)), "identical": identical, "largest_difference": 0.0}
        return pd.DataFrame(rows)

    def on(*audits: pd.DataFrame) -> Verdict:
        return verdict_on("I4", table_of(np.array([])), list(enumerate(audits)))

    assert on(audit(True, True)).verdict == SUPPORTED
    assert on(audit(True, False)).verdict == REFUTED
    assert on(audit(True), audit(False)).verdict == REFUTED
    assert on(audit(), audit(True)).seeds == (1,)
    assert on(audit(), audit()).verdict == NOT_TESTABLE


@pytest.mark.parametrize(
    ("count", "significant", "cosine", "power", "expected"),
    [
        (1000, [50] * 6, 0.97, 0.8, SUPPORTED),
        (1000, [66] * 6, 0.97, 0.8, SUPPORTED),  # 6.6 %: chance, six processes being asked
        (1000, [50] * 5 + [80], 0.97, 0.8, MIXED),
        (1000, [50] * 6, 0.97, 0.3, MIXED),
        (1000, [80] * 6, 0.5, 0.3, REFUTED),
        (50, [0] * 6, 0.97, 0.8, NOT_TESTABLE),
    ],
)
def test_i3_chance_of_forms(
    count: int, significant: list[int], cosine: float, power: float, expected: str
) -> None:
    rates = pd.DataFrame(
        {
            "process": [*NULLS, "turns back"],
            "planted": [False] * 6 + [True],
            "disturbance": [0.0] * 6 + [0.05],
            "num_trajectories": [count] * 6 + [100],
            "num_with_form": [count] * 6 + [100],
            "num_significant": [*significant, int(100 * power)],
            "cosine": cosine,
        }
    )
    verdict = verdict_on("I3", table_of(np.zeros(3)), form_rates=rates)
    assert verdict.verdict == expected
    assert ("more often than 5 %" in verdict.value) == (max(significant) > 66)
