"""Every S-curve claim's check can support, refute, waver and decline; diverged runs are left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.studies.scurves.claims.evidence import ScurvesEvidence, read
from stagewise.studies.scurves.contrasts import bump_contrast, contrast_of, contrast_table
from stagewise.studies.scurves.layout import CONTRASTS, MEASURED, MEASURES

LEDGER = yaml.safe_load((Path(__file__).parents[4] / "config/claims.yaml").read_text())
ALPHA = LEDGER["S13"]["thresholds"]["alpha"]
CHECKS = checks_of("stagewise.studies.scurves.claims")
SEEDS = 20
NOISE = np.random.default_rng(0).random(SEEDS)
IDENTITY = {"learning_rate": 0.05, "weight_decay": 0.0, "rank": 1, "num_components": 2}


def rows(setting: str, case: int = 0, diverged: Any = False, **measures: Any) -> pd.DataFrame:
    """Return twenty runs of a case; measures not given are NaN."""
    table = pd.DataFrame({"setting": setting, "case": case, "seed": np.arange(SEEDS)})
    values = dict.fromkeys(MEASURED, np.nan) | measures
    identity = {name: values.pop(name, value) for name, value in IDENTITY.items()}
    for name, value in (identity | {"diverged": diverged} | values).items():
        table[name] = value
    order = ["setting", "case", *IDENTITY, "seed", "diverged", *MEASURED]
    return MEASURES.check(table[order])


def verdict_on(claim: str, *tables: pd.DataFrame) -> Verdict:
    measures = pd.concat(tables, ignore_index=True)
    made = contrast_table(measures, ALPHA) if claim in ("S12", "S13") else CONTRASTS.empty()
    found = ScurvesEvidence(measures, made)
    return CHECKS[claim](found, **LEDGER[claim]["thresholds"])


def some(share: float) -> np.ndarray:
    """Return ones for a share of the seeds and zeros for the rest."""
    return (np.arange(SEEDS) < share * SEEDS).astype(float)


def s1(error: float, explained: float = 1.0) -> list[pd.DataFrame]:
    rate = -2 * np.log(0.95) * (1 + error)
    return [rows(name, rate=rate, rate_explained=explained) for name in ("scalar", "vector")]


def s2(share: float, deviations: tuple[float, float] = (0.01, 0.02)) -> list[pd.DataFrame]:
    return [
        rows("rank1", case, learning_rate=rate, num_plateaus=some(share), flow_deviation=deviation)
        for case, (rate, deviation) in enumerate(zip((0.05, 0.1), deviations, strict=True))
    ]


def s3(*shares: float) -> list[pd.DataFrame]:
    names = ("decay_first", "early_linear", "later_exponential", "levels_off")
    return [rows("rank1", **{n: some(share) for n, share in zip(names, shares, strict=True)})]


def s4(two: float, four: float, tail: float = 1.0) -> list[pd.DataFrame]:
    shares = {"rank1": 0.8, "rank2": two, "rank4": four}
    return [
        rows(name, num_plateaus=some(share), tail_aic_difference=10 * (some(tail) - 0.5))
        for name, share in shares.items()
    ]


def s5(change: float) -> list[pd.DataFrame]:
    return [rows("rank1", target_time=NOISE), rows("rank10", target_time=NOISE + change)]


def s6(full: float, low: float = 1.0) -> list[pd.DataFrame]:
    names = ("rank1", "rank2", "rank4", "rank10")
    tables = [rows(name, tail_aic_difference=10 * (some(low) - 0.5)) for name in names]
    return [*tables, rows("fulltail", tail_aic_difference=10 * (0.5 - some(full)))]


def s7(cosine: Any, angle: float = 0.01) -> list[pd.DataFrame]:
    return [rows("fulltail", best_cosine=cosine, leading_angle=angle), rows("rank10")]


def ordered(names: list[str], *lengths: float, rate: float = 0.05) -> list[pd.DataFrame]:
    return [
        rows(
            name,
            plateau_ratio=length + NOISE,
            plateau_steps=length + NOISE,
            censored=0.0,
            learning_rate=rate,
        )
        for name, length in zip(names, lengths, strict=True)
    ]


def s8(*lengths: float) -> list[pd.DataFrame]:
    return ordered(["rank1", "rank2", "rank4", "rank10", "full"], *lengths)


def s9(*lengths: float) -> list[pd.DataFrame]:
    names = ["vector", "rank1", "product3", "product4", "product5"]
    return ordered(names, *lengths, rate=0.2)


def censored(*lengths: float, horizons: tuple[float, ...]) -> list[pd.DataFrame]:
    """Return runs of 1 to 5 components that were followed for different numbers of steps."""
    tables = s9(*lengths)
    for table, horizon in zip(tables, horizons, strict=True):
        table["censored"] = (table["plateau_steps"] > horizon).astype(float)
        table["plateau_steps"] = table["plateau_steps"].clip(upper=horizon)
    return tables


def s10(share: float, drop: float) -> list[pd.DataFrame]:
    return [rows("attention2", num_plateaus=some(share), plateau_steps=100.0, drop_steps=drop)]


def s11(adam: float, descent: float) -> list[pd.DataFrame]:
    shares = {"adamfull": adam, "full": descent}
    return [rows(name, num_plateaus=some(share)) for name, share in shares.items()]


def s12(*differences: float) -> list[pd.DataFrame]:
    pairs = (("rank2", "adam2"), ("rank10", "adam10"), ("full", "adamfull"))
    return [
        rows(name, bumps=bumps, converged=1.0)
        for pair, difference in zip(pairs, differences, strict=True)
        for name, bumps in zip(pair, (NOISE, NOISE[::-1] + difference), strict=True)
    ]


def s13(*differences: float | None) -> list[pd.DataFrame]:
    """Each of twenty runs has ten vectors, half of them competing; None: all compete."""
    tables = []
    for name, value in zip(
        ("rank2", "rank4", "rank10", "adam2", "adam10"), differences, strict=True
    ):
        competing = 10 if value is None else 5
        both = np.full(SEEDS, 2) + (np.arange(SEEDS) % 2) + (5 * (value or 0))
        bumped = both + (0 if value is None else 2 + (np.arange(SEEDS) // 2) % 2)
        counts = {"bumped_competing_vectors": both, "bumped_vectors": bumped}
        counts |= {"competing_vectors": competing, "vectors": 10, "bumps": 3, "explained_bumps": 1}
        tables.append(rows(name, **counts))
    return tables


def s14(later: float) -> list[pd.DataFrame]:
    none = rows("decay1", 0, norm_min_step=NOISE, final_loss=0.0, initial_loss=1.0)
    decay = {"norm_min_step": NOISE + later, "final_loss": 1e-3, "initial_loss": 1.0}
    return [none, rows("decay1", 1, weight_decay=0.1, **decay)]


def s15(half: Any, plateau: float = 1.0) -> list[pd.DataFrame]:
    return [
        rows("adamw1", half_drop=half, num_plateaus=some(plateau)),
        rows("slow1", half_drop=100.0, num_plateaus=1.0),
    ]


def s16(two: float, full: float) -> list[pd.DataFrame]:
    return [
        rows("entropy2", num_plateaus=2 * some(two)),
        rows("entropyfull", num_plateaus=1 - some(full)),
        rows("entropy10", final_loss=0.1, initial_loss=1.0),
    ]


def s17(without: Any, whole: Any = 10.0) -> list[pd.DataFrame]:
    starts = {"noself1": without, "rank1": whole}
    return [rows(name, aligned_start=start) for name, start in starts.items()]


def s18(one: float, two: float) -> list[pd.DataFrame]:
    return [rows("rank1", num_plateaus=2 * some(one)), rows("rank2", num_plateaus=2 * some(two))]


CASES: list[tuple[str, list[pd.DataFrame], str]] = [
    ("S1", s1(0.0), SUPPORTED),
    ("S1", s1(0.05), REFUTED),
    ("S1", [s1(0.0)[0], s1(0.05)[1]], MIXED),
    ("S1", s1(0.0, explained=0.99), REFUTED),
    ("S2", s2(0.95), SUPPORTED),
    ("S2", s2(0.6), MIXED),
    ("S2", s2(0.95, (0.02, 0.01)), MIXED),
    ("S2", s2(0.2), MIXED),
    ("S2", s2(0.2, (0.1, 0.2)), REFUTED),
    ("S3", s3(1, 0.9, 1, 1), SUPPORTED),
    ("S3", s3(1, 0.1, 1, 1), MIXED),
    ("S3", s3(0.4, 0.1, 0, 0.2), REFUTED),
    ("S4", s4(0.75, 0.9), SUPPORTED),
    ("S4", s4(0.65, 0.9), MIXED),
    ("S4", s4(0.7, 0.9, tail=0.5), REFUTED),
    ("S5", s5(1.0), SUPPORTED),
    ("S5", s5(-1.0), REFUTED),
    ("S5", s5(0.0), MIXED),
    ("S6", s6(1.0), SUPPORTED),
    ("S6", s6(0.0), REFUTED),
    ("S6", s6(0.5), MIXED),
    ("S6", s6(1.0, low=0.5), MIXED),
    ("S7", s7(0.3), SUPPORTED),
    ("S7", s7(0.95), REFUTED),
    ("S7", s7(0.3 + 0.65 * some(0.5)), MIXED),
    ("S7", s7(0.3, angle=0.5), MIXED),
    ("S8", s8(9, 7, 5, 3, 1), SUPPORTED),
    ("S8", s8(9, 7, 5, 5, 1), MIXED),
    ("S8", s8(1, 7, 5, 3, 1), REFUTED),
    ("S9", s9(1, 3, 5, 7, 9), SUPPORTED),
    ("S9", s9(1, 3, 5, 7, 7), MIXED),
    ("S9", s9(9, 7, 5, 3, 1), REFUTED),
    # Runs that ended first are bounds; a longer horizon alone makes no longer plateau.
    ("S9", censored(1, 3, 5, 7, 9, horizons=(99, 99, 5.5, 7.5, 9.2)), SUPPORTED),
    ("S9", censored(9, 9, 9, 9, 9, horizons=(2, 4, 6, 8, 9.5)), REFUTED),
    ("S10", s10(1.0, 50.0), SUPPORTED),
    ("S10", s10(1.0, 150.0), MIXED),
    ("S10", s10(0.4, 50.0), REFUTED),
    ("S11", s11(1.0, 0.0), SUPPORTED),
    ("S11", s11(0.5, 0.0), MIXED),
    ("S11", s11(1.0, 0.5), MIXED),
    ("S11", s11(0.0, 0.0), REFUTED),
    ("S12", s12(5, 5, 5), SUPPORTED),
    ("S12", s12(5, 0, 5), MIXED),
    ("S12", s12(-5, 0, -5), REFUTED),
    ("S13", s13(0.4, 0.4, 0.4, 0.4, 0.4), SUPPORTED),
    ("S13", s13(0.4, 0.4, None, 0.4, 0.4), SUPPORTED),
    ("S13", s13(0.4, 0.0, 0.4, 0.4, 0.4), MIXED),
    ("S13", s13(0.0, 0.0, 0.0, 0.0, 0.0), REFUTED),
    ("S13", s13(None, None, None, None, None), NOT_TESTABLE),
    ("S14", s14(1.0), SUPPORTED),
    ("S14", [*s14(1.0), s14(0.0)[1].assign(case=2, weight_decay=0.2)], MIXED),
    ("S14", s14(0.0), REFUTED),
    ("S15", s15(10.0), SUPPORTED),
    ("S15", s15(10.0, plateau=0.5), MIXED),
    ("S15", s15(200.0 * some(0.5)), MIXED),
    ("S15", s15(200.0), REFUTED),
    ("S16", s16(1.0, 1.0), SUPPORTED),
    ("S16", s16(1.0, 0.5), MIXED),
    ("S16", s16(0.4, 1.0), REFUTED),
    ("S17", s17(0.0), SUPPORTED),
    ("S17", s17(10.0), REFUTED),
    ("S17", s17(5.0 * some(0.5)), MIXED),
    ("S18", s18(0.0, 0.8), SUPPORTED),
    ("S18", s18(0.0, 0.4), MIXED),
    ("S18", s18(0.5, 0.5), REFUTED),
]


@pytest.mark.parametrize(
    ("claim", "tables", "expected"),
    CASES,
    ids=[f"{claim} {expected} {number}" for number, (claim, _, expected) in enumerate(CASES)],
)
def test_verdicts(claim: str, tables: list[pd.DataFrame], expected: str) -> None:
    found = verdict_on(claim, *tables)
    assert found.verdict == expected
    assert found.value
    if expected != NOT_TESTABLE:
        assert found.uncertainty
        assert found.seeds == tuple(range(SEEDS))


def test_every_check_has_a_case_for_each_verdict() -> None:
    for claim in CHECKS:
        verdicts = {expected for name, _, expected in CASES if name == claim}
        assert {SUPPORTED, REFUTED, MIXED} <= verdicts, claim


def test_diverged_runs_are_left_out_and_counted() -> None:
    wild = some(0.25) > 0
    start = np.where(wild, np.nan, 0.0)
    found = verdict_on("S17", rows("noself1", diverged=wild, aligned_start=start), s17(0.0)[1])
    assert found.verdict == SUPPORTED
    assert found.seeds == tuple(range(5, SEEDS))
    assert "5 of 40 runs diverged" in found.uncertainty


def test_comparisons_are_kept_as_they_were_made(tmp_path: Path) -> None:
    measures = pd.concat(s13(0.3, 0.3, None, 0.3, 0.3), ignore_index=True)
    CONTRASTS.write(tmp_path / "contrasts.csv", contrast_table(measures, 0.05))
    made = CONTRASTS.read(tmp_path / "contrasts.csv")
    kept = measures[measures["setting"] == "rank4"]
    assert contrast_of(made, "competition", "rank4") == bump_contrast(kept, 0.99)
    assert contrast_of(made, "competition", "rank10") is None


def test_intervals_of_another_level_are_refused() -> None:
    measures = pd.concat(s13(0.3, 0.3, 0.3, 0.3, 0.3), ignore_index=True)
    found = ScurvesEvidence(measures, contrast_table(measures, 0.1))
    with pytest.raises(ValueError, match=r"contrasts\.csv has other intervals than 0\.99"):
        CHECKS["S13"](found, alpha=0.05)


def test_measures_are_read_with_their_layout(tmp_path: Path) -> None:
    table = rows("rank1", num_plateaus=1.0)
    MEASURES.write(tmp_path / "measures.csv", table)
    CONTRASTS.write(tmp_path / "contrasts.csv", contrast_table(table, ALPHA))
    runs = read(*(tmp_path / f"{name}.csv" for name in ("measures", "contrasts"))).runs("rank1")
    assert (runs["num_plateaus"] == 1).all()
    assert runs.index.tolist() == list(range(SEEDS))
