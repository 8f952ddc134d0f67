"""Checks are registered once each, fit the ledger, and a table of verdicts drops nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from stagewise.claims.layout import CLAIMS
from stagewise.claims.registry import (
    ClaimsError,
    check_entries,
    checks_of,
    claim,
    verdict_table,
)
from stagewise.claims.verdicts import (
    MIXED,
    NOT_TESTABLE,
    REFUTED,
    SUPPORTED,
    Verdict,
    judged,
    overall,
)
from stagewise.claims.words import seeds_in_words

ENTRY = {
    "statement": "It holds.",
    "source": "somewhere",
    "measure": "a number",
    "criterion": "Supported if it is large.",
    "presets": ["laptop"],
    "figure": "fig01b",
}
WITH = {**ENTRY, "thresholds": {"least": 1.0}}
WITHOUT = {**ENTRY, "thresholds": {}}


def large(found: float, *, least: float) -> Verdict:
    return Verdict(judged(found >= least, found < 0), f"{found:g}", seeds=(0, 1))


def always(found: float) -> Verdict:
    return Verdict(SUPPORTED)


CHECKS = {"Z2": large, "Z10": always}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((True, True), SUPPORTED),
        ((True, None), SUPPORTED),
        ((False, False), REFUTED),
        ((False, True), MIXED),
        ((False, None), MIXED),
        ((None, None), NOT_TESTABLE),
        ((), NOT_TESTABLE),
    ],
)
def test_seeds_make_one_verdict(outcomes: tuple[bool | None, ...], expected: str) -> None:
    assert overall(dict(enumerate(outcomes))) == expected


def test_a_table_has_a_row_for_each_claim_in_order_and_keeps_its_layout() -> None:
    table = CLAIMS.check(verdict_table({"Z10": WITHOUT, "Z2": WITH}, CHECKS, 2.0, "laptop"))
    assert table["id"].tolist() == ["Z2", "Z10"]
    assert table["verdict"].tolist() == [SUPPORTED, SUPPORTED]
    assert table.loc[0, ["value", "seeds", "claim"]].tolist() == ["2", "0, 1", "It holds."]
    assert verdict_table({"Z2": WITH}, CHECKS, 0.5, "laptop")["verdict"].tolist() == [MIXED]


def test_a_verdict_of_one_seed_says_so() -> None:
    def alone(found: float) -> Verdict:
        return Verdict(SUPPORTED, "2", "± 1", seeds=(0,))

    table = verdict_table({"Z10": WITHOUT}, {"Z10": alone}, 2.0, "laptop")
    assert table.loc[0, "uncertainty"] == "± 1; one seed alone, so nothing is known of others"
    assert verdict_table({"Z2": WITH}, CHECKS, 2.0, "laptop").loc[0, "uncertainty"] == ""


def test_a_preset_that_a_claim_does_not_list_tests_nothing_and_says_so() -> None:
    table = verdict_table({"Z2": WITH}, CHECKS, -1.0, "smoke")
    assert table.loc[0, ["verdict", "value"]].tolist() == [NOT_TESTABLE, ""]
    assert verdict_table({"Z2": WITH}, CHECKS, -1.0, "laptop")["verdict"].tolist() == [REFUTED]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"Z2": WITH, "Z10": WITHOUT, "Z3": WITH}, "'Z3' has no check"),
        ({"Z10": WITHOUT}, "'Z2' has a check, "),
        ({"Z2": WITHOUT, "Z10": WITHOUT}, "'Z2.thresholds' must hold exactly least"),
        ({"Z2": WITH, "Z10": WITH}, "'Z10.thresholds' must hold exactly nothing"),
    ],
)
def test_entries_and_checks_that_do_not_fit_are_named(entries: Any, message: str) -> None:
    with pytest.raises(ClaimsError) as caught:
        check_entries(entries, CHECKS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_claim_with_two_checks_is_refused() -> None:
    checks_of("stagewise.studies.scurves.claims")
    with pytest.raises(ClaimsError, match=r"S1 has two checks, .*shapes.exponential and .*large"):
        claim("S1")(large)


def test_checks_are_those_of_one_study() -> None:
    checks_of("stagewise.studies.instruments.claims")
    assert set(checks_of("stagewise.studies.scurves.claims")) == {f"S{n}" for n in range(1, 19)}


def test_verdicts_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Verdict(SUPPORTED).verdict = REFUTED  # type: ignore[misc]


def test_seeds_in_a_row_are_written_by_their_ends() -> None:
    assert seeds_in_words(range(100)) == "0-99"
    assert seeds_in_words([0, 1, 2]) == "0, 1, 2"
    assert seeds_in_words([0, 2, 3, 4, 5, 6, 9]) == "0, 2-6, 9"
    assert seeds_in_words([]) == ""
