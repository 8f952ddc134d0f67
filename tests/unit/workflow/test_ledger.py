"""The ledger of claims: mistakes are named, and every entry fits the check of its study."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewise.claims.registry import check_entries, checks_of
from stagewise.workflow.ledger import LedgerError, entries_of, read_ledger
from stagewise.workflow.studies import STUDIES

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "config/claims_schema.yaml"
LEDGER = read_ledger(ROOT / "config/claims.yaml", SCHEMA)


@pytest.mark.parametrize("study", STUDIES)
def test_entries_fit_the_checks_of_their_study(study: str) -> None:
    check_entries(entries_of(LEDGER, study), checks_of(f"stagewise.studies.{study}.claims"))


def test_every_claim_belongs_to_one_study() -> None:
    divided = [claim for study in STUDIES for claim in entries_of(LEDGER, study)]
    assert sorted(divided) == sorted(LEDGER)
    counted = {"G": range(1, 15), "I": range(1, 5), "L": range(1, 11)}
    counted |= {"R": (*range(1, 10), *range(11, 17), "5b", "8b"), "S": range(1, 19)}
    assert set(LEDGER) == {f"{letter}{n}" for letter, numbers in counted.items() for n in numbers}


def changed(claim: str, **entries: Any) -> dict[str, Any]:
    ledger = copy.deepcopy(LEDGER)
    ledger[claim] = {**ledger[claim], **entries}
    return ledger


@pytest.mark.parametrize(
    ("ledger", "message"),
    [
        (changed("R1", reason="x"), "unknown key 'R1.reason'"),
        (changed("R1", presets=["smoke"]), "laptop, paper"),
        (changed("R1", figure="Figure 99"), "'R1.figure'"),
        (changed("R2", thresholds={"min_seeds": "3"}), "'R2.thresholds.min_seeds'"),
        (changed("R1", changed=[]), "'R1.changed'"),
        (changed("R1", changed=[{"date": "2026-11-24", "what": "x"}]), "'R1.changed[0].why'"),
        (
            changed("R1", changed=[{"date": "today", "what": "x", "why": "y"}]),
            "'R1.changed[0].date'",
        ),
        (LEDGER | {"X1": LEDGER["R1"]}, "'X1' belongs to no study"),
        (LEDGER | {"first": LEDGER["R1"]}, "'first' is not a valid name"),
    ],
)
def test_mistakes_in_the_ledger_are_named(
    tmp_path: Path, ledger: dict[str, Any], message: str
) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(ledger))
    with pytest.raises(LedgerError) as caught:
        read_ledger(path, SCHEMA)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_ledger_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "claims.yaml"
    broken.write_text("R1: [")
    with pytest.raises(LedgerError, match=r"claims\.yaml cannot be read"):
        read_ledger(broken, SCHEMA)
