"""The ledger of claims: its form, the check of each claim, and the table of verdicts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import yaml

from stagewise.claims.evidence import NOT_TESTABLE, Evidence, Verdict
from stagewise.studies.instruments.claims.validation import recovers_exact, scale_free
from stagewise.studies.language.claims.checks import LANGUAGE_CHECKS
from stagewise.studies.modular.claims.checks import MODULAR_CHECKS
from stagewise.studies.regression.claims.behaviour import icl_emerges, mean_task, task_prior
from stagewise.studies.regression.claims.development import (
    same_stages,
    stage_types,
    visible_in_loss,
)
from stagewise.studies.regression.claims.sampling import (
    local_chains,
    same_estimates,
    same_order,
    shared_noise,
)
from stagewise.studies.scurves.claims.checks import SCURVES_CHECKS
from stagewise.workflow.schema_errors import first_problem

CHECKS: Mapping[str, Callable[..., Verdict]] = MappingProxyType(
    {
        "R1": stage_types,
        "R2": same_stages,
        "R3": task_prior,
        "R4": mean_task,
        "R5": icl_emerges,
        "R11": visible_in_loss,
        "R13": same_order,
        "R14": shared_noise,
        "R15": local_chains,
        "I1": recovers_exact,
        "I2": scale_free,
        "I4": same_estimates,
        **SCURVES_CHECKS,
        **MODULAR_CHECKS,
        **LANGUAGE_CHECKS,
    }
)
"""Check of each claim; its keyword arguments are the claim's thresholds."""


class LedgerError(ValueError):
    """The ledger of claims cannot be used; the message names the key and the remedy."""


def read_ledger(path: str | Path, path_to_schema: str | Path) -> dict[str, Any]:
    """Read and check the ledger; see `check_ledger`.

    Raises
    ------
    LedgerError
        If the file is missing, is no YAML or fails the check.
    """
    try:
        ledger = yaml.safe_load(Path(path).read_text())
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise LedgerError(f"{path} cannot be read ({reason}): restore or correct it") from error
    check_ledger(ledger, yaml.safe_load(Path(path_to_schema).read_text()))
    return ledger


def check_ledger(ledger: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check the form of the ledger, and that it and `CHECKS` know the same claims and thresholds.

    Parameters
    ----------
    ledger : mapping
        Content of config/claims.yaml.
    schema : mapping
        Content of config/claims_schema.yaml.

    Raises
    ------
    LedgerError
        With one line on the first thing that is wrong.
    """
    problem = first_problem(ledger, schema)
    if problem is not None:
        raise LedgerError(f"claims.yaml: {problem}")
    for claim in ledger:
        if claim not in CHECKS:
            raise LedgerError(
                f"claims.yaml: {claim!r} has no check; add one to the claims "
                "of its study or remove it"
            )
    for claim, check in CHECKS.items():
        if claim not in ledger:
            raise LedgerError(
                f"claims.yaml: {claim!r} has a check but no entry; add it, so that no claim is dropped"
            )
        wanted = _thresholds_of(check)
        if set(ledger[claim]["thresholds"]) != wanted:
            raise LedgerError(
                f"claims.yaml: '{claim}.thresholds' must hold exactly "
                f"{', '.join(sorted(wanted)) or 'nothing'}"
            )


def check_claims(ledger: Mapping[str, Any], evidence: Evidence, preset: str) -> pd.DataFrame:
    """Test every claim.

    Parameters
    ----------
    ledger : mapping
        A ledger that `check_ledger` has passed.
    evidence : Evidence
    preset : str
        Name of the preset that made the evidence. A claim that does not list it is not tested.

    Returns
    -------
    pandas.DataFrame
        One row a claim, sorted by letter and number; layout `claims.layout.CLAIMS`.
    """
    rows = []
    for claim in sorted(ledger, key=claim_order):
        entry = ledger[claim]
        if preset in entry["presets"]:
            result = CHECKS[claim](evidence, **entry["thresholds"])
        else:
            result = Verdict(NOT_TESTABLE)
        rows.append(
            {
                "id": claim,
                "claim": entry["statement"],
                "source": entry["source"],
                "verdict": result.verdict,
                "value": result.value,
                "uncertainty": result.uncertainty,
                "criterion": entry["criterion"],
                "seeds": seeds_in_words(result.seeds),
                "figure": entry["figure"],
            }
        )
    return pd.DataFrame(rows)


def claim_order(claim: str) -> tuple[str, int]:
    """Return the key that sorts R2 before R11."""
    return claim[0], int(claim[1:])


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Return seeds as text; five or more in a row are written by their ends, as in 0-99."""
    parts: list[str] = []
    runs = groupby(enumerate(seeds), key=lambda pair: pair[1] - pair[0])
    for _, pairs in runs:
        run = [str(seed) for _, seed in pairs]
        parts += run if len(run) < 5 else [f"{run[0]}-{run[-1]}"]
    return ", ".join(parts)


def _thresholds_of(check: Callable[..., Verdict]) -> set[str]:
    parameters = inspect.signature(check).parameters.values()
    return {p.name for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
