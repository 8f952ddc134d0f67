"""The checks of claims, registered by the ids of the claims, and a study's table of verdicts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import pandas as pd

from stagewise.claims.layout import claim_order
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict
from stagewise.claims.words import seeds_in_words
from stagewise.core.unanswered import UnansweredError

Check = Callable[..., Verdict]
"""Takes the evidence of its study; its keyword arguments are the thresholds of its claim."""

_CHECKS: dict[str, Check] = {}


class ClaimsError(ValueError):
    """Claims and checks do not fit; the message names the claim and the remedy."""


def claim(name: str) -> Callable[[Check], Check]:
    """Register a function as the check of a claim.

    Parameters
    ----------
    name : str
        Id of the claim in config/claims.yaml, such as "G10".

    Raises
    ------
    ClaimsError
        If the claim has a check already.
    """

    def register(check: Check) -> Check:
        other = _CHECKS.setdefault(name, check)
        if other is not check:
            raise ClaimsError(
                f"{name} has two checks, {_place(other)} and {_place(check)}: "
                "give one of them the id of its own claim"
            )
        return check

    return register


def checks_of(package: str) -> dict[str, Check]:
    """Import a study's package of claims and return its checks by claim.

    Parameters
    ----------
    package : str
        Such as "stagewise.studies.modular.claims"; it imports the modules that hold its checks.
    """
    import_module(package)
    return {
        name: check
        for name, check in _CHECKS.items()
        if f"{check.__module__}.".startswith(f"{package}.")
    }


def check_entries(entries: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Check that the ledger and the code of a study know the same claims and thresholds.

    Parameters
    ----------
    entries : mapping
        The study's part of config/claims.yaml, by claim.
    checks : mapping
        Result of `checks_of`.

    Raises
    ------
    ClaimsError
        With one line on the first thing that is wrong.
    """
    for name in entries:
        if name not in checks:
            raise ClaimsError(
                f"claims.yaml: {name!r} has no check; add one to the claims of its study or remove it"
            )
    for name, check in checks.items():
        if name not in entries:
            raise ClaimsError(
                f"claims.yaml: {name!r} has a check, {_place(check)}, but no entry; add it, so that "
                "no claim is dropped"
            )
        wanted = _thresholds_of(check)
        if set(entries[name]["thresholds"]) != wanted:
            raise ClaimsError(
                f"claims.yaml: '{name}.thresholds' must hold exactly "
                f"{', '.join(sorted(wanted)) or 'nothing'}"
            )


def verdict_table(
    entries: Mapping[str, Any], checks: Mapping[str, Check], evidence: object, preset: str
) -> pd.DataFrame:
    """Test every claim of a study.

    Parameters
    ----------
    entries : mapping
        Entries that `check_entries` has passed.
    checks : mapping
        Result of `checks_of`.
    evidence : object
        What the study's checks look at.
    preset : str
        Name of the preset that made the evidence. A claim that does not list it is not tested, nor one
        whose check looks at a store without an answer.

    Returns
    -------
    pandas.DataFrame
        One row a claim, sorted by letter and number; layout `claims.layout.CLAIMS`.
    """
    rows = []
    for name in sorted(entries, key=claim_order):
        entry = entries[name]
        result = Verdict(NOT_TESTABLE)
        if preset in entry["presets"]:
            try:
                result = checks[name](evidence, **entry["thresholds"])
            except UnansweredError as error:
                result = Verdict(NOT_TESTABLE, f"not testable: {error}")
        rows.append(
            {
                "id": name,
                "claim": entry["statement"],
                "source": entry["source"],
                "verdict": result.verdict,
                "value": result.value,
                "uncertainty": _with_replication(result),
                "criterion": entry["criterion"],
                "seeds": seeds_in_words(result.seeds),
                "figure": entry["figure"],
            }
        )
    return pd.DataFrame(rows)


def _with_replication(result: Verdict) -> str:
    """Return how sure a result is; one seed says nothing of others, and that is said."""
    alone = "one seed alone, so nothing is known of others"
    parts = [result.uncertainty, alone if len(result.seeds) == 1 else ""]
    return "; ".join(filter(None, parts))


def _place(check: Check) -> str:
    return f"{check.__module__}.{check.__qualname__}"


def _thresholds_of(check: Check) -> set[str]:
    parameters = inspect.signature(check).parameters.values()
    return {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
