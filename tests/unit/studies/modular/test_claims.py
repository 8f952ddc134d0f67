"""Every claim on modular addition can be supported, refuted and declined, on tables made for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from stagewise.claims.registry import checks_of
from stagewise.claims.verdicts import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.modular.claims.support import best_elsewhere, larger, sooner
from stagewise.studies.modular.laws import laws_of
from stagewise.studies.modular.layout import COMPARISON, GROWTH, LAWS, MEASURED, RUNS
from stagewise.studies.modular.mode_growth import growth_table
from stagewise.studies.modular.phases import phases_in, phases_of_learned
from stagewise.studies.modular.scaling import Runs, comparison_table, fit_laws, law_table

ROOT = Path(__file__).parents[4]
LEDGER = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
CHECKS = checks_of("stagewise.studies.modular.claims")
STEPS = np.array([0, 10, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])


def runs(setting: str, generalises: list[bool], **changes: Any) -> pd.DataFrame:
    """Return one run a flag; those that generalise do so at step 800, 8 times after memorising."""
    flags = np.array(generalises)
    rows = pd.DataFrame(
        {
            "experiment": "made",
            "setting": setting,
            "labels": "sum",
            "architecture": "mlp",
            "optimiser": "adam",
            "loss": "cross_entropy",
            "outcome": np.where(flags, "generalise", "memorise"),
            "modulus": 23,
            "embed_dim": 12,
            "batch_size": 128,
            "num_steps": 1000,
            "seed": np.arange(len(flags)),
            "frozen": False,
            "diverged": False,
            "test_first": False,
            "train_fraction": 0.8,
            "learning_rate": 0.01,
            "initial_scale": 1.0,
            "weight_decay": 0.0,
            "momentum": 0.0,
            **dict.fromkeys(MEASURED, np.nan),
        }
    ).assign(
        memorised_step=100.0,
        generalised_step=np.where(flags, 800.0, np.nan),
        delay=np.where(flags, np.log(8), np.nan),
        rise_start=np.where(flags, 400.0, np.nan),
        rise_end=np.where(flags, 600.0, np.nan),
        rise_width=np.where(flags, np.log(1.5), np.nan),
        test_accuracy=np.where(flags, 1.0, 0.2),
    )
    return rows.assign(**changes)


def verdict(claim: str, *tables: pd.DataFrame, **stores: Any) -> Verdict:
    table = pd.concat(tables, ignore_index=True)
    RUNS.check(table)
    thresholds = LEDGER[claim]["thresholds"]
    if claim == "G10":
        thresholds = {**thresholds, "draws": 40}
    laws, comparison = LAWS.empty(), COMPARISON.empty()
    if claim == "G10":
        laws = law_table(table)
        comparison = comparison_table(table, thresholds["alpha"], thresholds["draws"])
    growth = growth_table(stores.get("modes", {}), thresholds.get("until", 0.9))
    along = (stores.get(name, {}) for name in ("modes", "gradients", "llc"))
    found = ModularEvidence(table, laws, comparison, growth, *along)
    return CHECKS[claim](found, **thresholds)


ALL, NONE = [True] * 6, [False] * 6
EARLY = {"memorised_step": 700.0, "delay": np.log(8 / 7)}


def test_g1_looks_at_both_kinds_of_run():
    early, late = runs("early", ALL, **EARLY), runs("late", ALL)
    wide = {"rise_width": 2.0}
    assert verdict("G1", early, late).verdict == SUPPORTED
    assert verdict("G1", early.assign(**wide), late).verdict == MIXED
    assert verdict("G1", early.assign(**wide), late.assign(**wide)).verdict == REFUTED
    assert verdict("G1", early, late[:4]).verdict == NOT_TESTABLE


def test_g2_needs_a_cell_of_either_kind():
    early, late = runs("early", ALL, **EARLY), runs("late", ALL)
    found = verdict("G2", early, late)
    assert found.verdict == SUPPORTED
    assert "late, 8 times" in found.value
    assert verdict("G2", early, runs("other", ALL, **EARLY)).verdict == REFUTED
    few = runs("late", [True] * 4 + [False] * 2)
    assert verdict("G2", early, few).verdict == REFUTED


def test_g3_counts_runs_without_decay():
    ten = [True] * 10
    assert verdict("G3", runs("free", ten), runs("freemore", NONE)).verdict == SUPPORTED
    assert verdict("G3", runs("free", NONE * 2), runs("freemore", NONE * 2)).verdict == REFUTED
    half = [True, False] * 5
    assert verdict("G3", runs("free", half), runs("freemore", half)).verdict == MIXED


def test_g4_pairs_frozen_with_free_runs():
    noise = np.linspace(-0.01, 0.01, 6)
    tables = {name: runs(name, NONE) for name in ("free", "frozen", "freemore", "frozenmore")}
    for table in tables.values():
        table["test_accuracy"] = 0.8 + noise
    assert verdict("G4", *tables.values()).verdict == SUPPORTED
    tables["frozen"]["test_accuracy"] -= 0.3 + 2 * noise
    assert verdict("G4", *tables.values()).verdict == MIXED
    tables["frozenmore"]["test_accuracy"] -= 0.3 + 2 * noise
    assert verdict("G4", *tables.values()).verdict == REFUTED


def rates(shares: dict[float, list[bool]]) -> list[pd.DataFrame]:
    return [runs("adam", flags, learning_rate=rate) for rate, flags in shares.items()]


def pair(optimiser: str, large: list[bool], small: list[bool]) -> list[pd.DataFrame]:
    return [
        runs(f"{optimiser}large", large, learning_rate=0.1, optimiser=optimiser),
        runs(f"{optimiser}small", small, learning_rate=0.01, optimiser=optimiser),
    ]


def test_g5_needs_all_three_parts():
    inner = rates({0.001: NONE, 0.01: ALL, 0.1: NONE})
    good = [*pair("adam", ALL, NONE), *pair("sgd", ALL, NONE)]
    bad = [*pair("adam", NONE, ALL), *pair("sgd", NONE, ALL)]
    assert verdict("G5", *inner, *good).verdict == SUPPORTED
    assert verdict("G5", *inner, *bad).verdict == MIXED
    end = rates({0.001: NONE, 0.01: NONE, 0.1: ALL})
    assert verdict("G5", *end, *bad).verdict == REFUTED
    assert verdict("G5", *end, *good).verdict == MIXED


def test_g6_compares_best_cells():
    def three(adam: list[bool], sgd: list[bool]) -> list[pd.DataFrame]:
        rest = [runs(name, NONE, learning_rate=9.0) for name in ("adam", "sgd")]
        return [*rest, runs("adam", adam), runs("sgd", sgd), runs("momentum", NONE)]

    assert verdict("G6", *three(ALL, NONE)).verdict == SUPPORTED
    assert verdict("G6", *three(NONE, ALL)).verdict == REFUTED
    assert verdict("G6", *three(ALL, ALL)).verdict == MIXED


def modes(power: np.ndarray, learned: np.ndarray, gain: np.ndarray) -> dict[str, xr.Dataset]:
    """Return modes of four runs alike; `power` and `gain` are (step, mode), gain in nats."""
    four = [0, 1, 2, 3]
    jitter = 1 + 0.01 * np.arange(4)[:, None, None]
    dims = ("seed", "step", "mode")
    dataset = xr.Dataset(
        {
            "power": (dims, jitter * power),
            "power_share": (dims, np.stack([power / power.sum(1, keepdims=True)] * 4)),
            "learned": (dims, np.broadcast_to(learned, (4, *power.shape))),
            "loss_with_mode": (dims, 3.0 - np.stack([gain] * 4)),
            "loss_without_modes": (("seed", "step"), np.full((4, len(power)), 3.0)),
        },
        coords={"seed": four, "step": STEPS, "mode": np.arange(1, 1 + power.shape[1])},
    )
    return {"narrow": dataset}


SIGMOID = 1 / (1 + np.exp(-(STEPS - 500) / 60))
GROWING = np.stack([0.01 + SIGMOID * 4, 0.01 + SIGMOID * 3, *np.full((5, 13), 0.005)], 1)
WON = np.array([True, True, *[False] * 5])


def test_a_choice_is_made_on_other_seeds():
    table = pd.DataFrame(np.eye(4), index=range(4), columns=list("abcd"))
    assert (
        best_elsewhere(table) == 0
    ).all()  # each seed has its own best, which is the others' worst
    assert (best_elsewhere(table.assign(e=0.5)) == 0.5).all()


def test_paired_tests_hold_their_level():
    """Of 400 pairs without a difference at most 5 % and two standard errors are called larger."""
    generator = np.random.default_rng(0)
    seeds = generator.random((400, 8, 1)) < generator.random((400, 8, 2))
    found = [larger(*(pd.Series(column) for column in pair.T.astype(float))) for pair in seeds]
    assert np.mean(np.array(found) < 0.05) < 0.05 + 2 * np.sqrt(0.05 * 0.95 / 400)
    assert larger(pd.Series([1.0] * 6), pd.Series([0.0] * 6)) == pytest.approx(1 / 64)
    assert sooner(pd.Series([1.0] * 6), pd.Series([np.inf] * 6)) == pytest.approx(1 / 64)
    assert sooner(pd.Series([np.inf] * 6), pd.Series([np.inf] * 6)) == 1


def test_g7_few_modes_that_were_ahead():
    table = runs("narrow", [True] * 4)
    gain = GROWING * WON
    assert verdict("G7", table, modes=modes(GROWING, WON, gain)).verdict == SUPPORTED
    behind = GROWING.copy()
    behind[STEPS < 400, 2:] = 1.0  # losers ahead before the rise
    assert verdict("G7", table, modes=modes(behind, WON, gain)).verdict == MIXED
    many = np.array([True] * 6 + [False])
    assert verdict("G7", table, modes=modes(GROWING, many, gain)).verdict == REFUTED
    memorised = runs("narrow", [True, True, False, False])
    assert verdict("G7", memorised, modes=modes(GROWING, WON, gain)).verdict == NOT_TESTABLE


def test_g8_asks_for_three_phases():
    table = runs("narrow", [True] * 4)
    assert verdict("G8", table, modes=modes(GROWING, WON, GROWING * WON)).verdict == SUPPORTED
    steady = np.linspace(0, 1, 13)[:, None] * WON + STEPS[:, None] / 1000 * WON
    assert verdict("G8", table, modes=modes(GROWING, WON, steady)).verdict == REFUTED
    none = np.zeros(7, dtype=bool)
    assert verdict("G8", table, modes=modes(GROWING, none, steady)).verdict == NOT_TESTABLE


def test_g13_reads_the_exponent_of_growth():
    table = runs("narrow", [True] * 4)
    faster = np.stack([0.1 * np.exp(STEPS / 200)] * 2 + [np.full(13, 0.1)] * 5, 1)
    assert verdict("G13", table, modes=modes(faster, WON, faster)).verdict == SUPPORTED
    steady = np.stack([(1 + STEPS) ** 2.0] * 2 + [np.full(13, 0.1)] * 5, 1)
    assert verdict("G13", table, modes=modes(steady, WON, steady)).verdict != SUPPORTED
    slower = np.stack([(1 + STEPS) ** 0.3] * 2 + [np.full(13, 0.1)] * 5, 1)
    assert verdict("G13", table, modes=modes(slower, WON, slower)).verdict == REFUTED


def test_g9_slope_at_the_most_classes_and_the_way_there():
    def four(slopes: list[float]) -> list[pd.DataFrame]:
        noise = np.linspace(-0.01, 0.01, 6)
        return [
            runs(f"entropy{k}", NONE, modulus=10 * k, early_slope=slope + noise)
            for k, slope in enumerate(slopes, 1)
        ]

    assert verdict("G9", *four([-0.7, -0.8, -0.9, -0.98])).verdict == SUPPORTED
    assert verdict("G9", *four([-0.7, -0.7, -0.6, -0.6])).verdict == REFUTED
    assert verdict("G9", *four([-0.5, -0.6, -0.7, -0.8])).verdict == MIXED
    assert verdict("G9", *four([np.nan] * 4)).verdict == NOT_TESTABLE


def shares(law: Any, spread: float = 0.05) -> list[pd.DataFrame]:
    """Return runs at five shares of the data and three moduli, with times of a law and a spread."""
    noise = np.exp(spread * np.array([-1, 0.5, 1, -0.5, 0.3, -0.3]))
    return [
        runs(
            f"{size}{number}",
            ALL,
            train_fraction=share,
            generalised_step=law(share) * noise,
            num_steps=10**9,
        )
        for size in ("small", "middle", "large")
        for number, share in enumerate((0.3, 0.4, 0.5, 0.7, 0.9), 1)
    ]


def test_g10_asks_for_a_share_at_which_the_time_diverges():
    assert verdict("G10", *shares(lambda x: 50 * (x - 0.2) ** -2)).verdict == SUPPORTED
    assert verdict("G10", *shares(lambda x: 1e5 * np.exp(-5 * x))).verdict == REFUTED
    assert verdict("G10", *shares(lambda x: 50 * x**-4)).verdict == MIXED
    assert verdict("G10", *shares(lambda x: 50 * (x - 0.2) ** -2, 0.6)).verdict == NOT_TESTABLE
    late = [part.assign(generalised_step=np.nan) for part in shares(lambda x: x)]
    assert verdict("G10", *late).verdict == NOT_TESTABLE


def scales(without: dict[float, list[bool]], decayed: list[bool]) -> list[pd.DataFrame]:
    plain = [runs("scaled", flags, initial_scale=scale) for scale, flags in without.items()]
    return [*plain, runs("scaled", decayed, weight_decay=0.1)]


def test_g11_small_starts_against_decay():
    assert verdict("G11", *scales({0.5: ALL, 1.0: NONE}, ALL)).verdict == SUPPORTED
    assert verdict("G11", *scales({0.5: NONE, 1.0: NONE}, ALL)).verdict == REFUTED
    assert verdict("G11", *scales({0.5: ALL, 1.0: ALL}, ALL)).verdict == NOT_TESTABLE


def gradients(change: float) -> dict[str, xr.Dataset]:
    value = np.where(STEPS >= 400, change, 0.0) + 0.001 * np.arange(4)[:, None]
    names = ("cosine", "cross_cosine", "signal_to_noise")
    dataset = xr.Dataset(
        {name: (("seed", "step"), value * (1 + 0.1 * np.arange(4)[:, None])) for name in names},
        coords={"seed": [0, 1, 2, 3], "step": STEPS},
    )
    return {"late": dataset, "narrow": dataset}


def test_g12_compares_the_rise_with_before():
    tables = [runs(name, [True] * 4) for name in ("late", "narrow")]
    assert verdict("G12", *tables, gradients=gradients(0.5)).verdict == SUPPORTED
    assert verdict("G12", *tables, gradients=gradients(-0.5)).verdict == REFUTED
    more = [table.assign(weight_decay=decay) for table in tables for decay in (0.1, 0.2)]
    pooled = verdict("G12", *tables, *more, gradients=gradients(0.5))
    assert pooled == verdict("G12", *tables, gradients=gradients(0.5))  # a seed counts once
    late_alone = [tables[0], runs("narrow", [False] * 4)]
    assert verdict("G12", *late_alone, gradients=gradients(0.5)).verdict == MIXED
    few = [runs(name, [False] * 4) for name in ("late", "narrow")]
    assert verdict("G12", *few, gradients=gradients(0.5)).verdict == NOT_TESTABLE


def llc(excess: float, sound: bool = True, of_losses: float = 1.0) -> dict[str, xr.Dataset]:
    """Return LLCs that follow the loss, and an excess over it on sums."""

    def one(rate: float, above: float) -> xr.Dataset:
        loss = of_losses * np.exp(-rate * STEPS / 1000)
        return xr.Dataset(
            {
                "init_loss": ("step", loss),
                "llc_mean": ("step", 30 + 5 * np.log(loss) + np.where(STEPS < 800, 0.0, above)),
                "llc_stderr": ("step", np.full(13, 1.0)),
                "verdict": ("step", np.full(13, "ok" if sound else "drifting", dtype=object)),
            },
            coords={"step": STEPS},
        )

    stores = {f"late-s{seed}": one(3.0, excess) for seed in range(3)}
    return stores | {f"random-s{seed}": one(4.0, 0.0) for seed in range(3)}


def test_g14_compares_llcs_at_equal_training_loss():
    tables = [runs("late", [True] * 3), runs("random", [False] * 3, labels="random")]
    lower = verdict("G14", *tables, llc=llc(-5.0))
    assert lower.verdict == SUPPORTED
    assert "seed 0: -5.0 ± 1 after generalising, +0.0 ± 1 before" in lower.value
    # A fall that the loss explains is none.
    assert verdict("G14", *tables, llc=llc(0.0)).verdict == REFUTED
    one_alone = llc(0.0) | {"late-s0": llc(-5.0)["late-s0"]}
    assert verdict("G14", *tables, llc=one_alone).verdict == MIXED
    found = verdict("G14", *tables, llc=llc(-5.0, sound=False))
    assert found.verdict == NOT_TESTABLE
    assert "78 of 78 estimates are not ok" in found.uncertainty
    apart = llc(-5.0) | {
        f"random-s{seed}": llc(0.0, of_losses=1e3)[f"random-s{seed}"] for seed in range(3)
    }
    assert verdict("G14", *tables, llc=apart).verdict == NOT_TESTABLE


def test_growth_is_kept_as_it_was_measured(tmp_path):
    along = modes(GROWING, WON, GROWING * WON)
    GROWTH.write(tmp_path / "growth.csv", growth_table(along, 0.9))
    table = GROWTH.read(tmp_path / "growth.csv")
    assert table[["seed", "mode"]].to_numpy().tolist() == [[s, m] for s in range(4) for m in (1, 2)]
    measured = [
        one for s in range(4) for one in phases_of_learned(along["narrow"].sel(seed=s)).values()
    ]
    assert list(phases_in(table)) == measured


def test_tables_made_for_another_threshold_are_refused():
    table = runs("narrow", [True] * 4)
    growth = growth_table(modes(GROWING, WON, GROWING * WON), 0.5)
    found = ModularEvidence(table, LAWS.empty(), COMPARISON.empty(), growth, {}, {}, {})
    with pytest.raises(ValueError, match=r"growth\.csv does not follow modes until 0\.9"):
        CHECKS["G13"](found, until=0.9, steady=0.5)


def test_laws_are_kept_as_they_were_fitted(tmp_path):
    table = pd.concat(shares(lambda x: 50 * np.exp(2 * x**-1)), ignore_index=True)
    LAWS.write(tmp_path / "laws.csv", law_table(table))
    laws = LAWS.read(tmp_path / "laws.csv")
    known = Runs.of(table[table["setting"].str.startswith("small")])
    assert laws_of(laws, "small") == fit_laws(known)
    assert laws.loc[laws["size"] == "small", "runs"].unique().tolist() == [len(known.time)]
