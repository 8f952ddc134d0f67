"""The ledger of claims, config/claims.yaml: read and checked once, and divided among studies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stagewise.workflow.schema_errors import first_problem
from stagewise.workflow.studies import STUDIES, TITLED

# Read at every start, by libyaml in a tenth of the time.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class LedgerError(ValueError):
    """The ledger of claims cannot be used; the message names the key and the remedy."""


def read_ledger(path: str | Path, path_to_schema: str | Path) -> dict[str, Any]:
    """Read the ledger and check its form.

    Raises
    ------
    LedgerError
        If the file is missing, is no YAML or breaks its schema, or a claim belongs to no study.
    """
    try:
        ledger = yaml.load(Path(path).read_text(), _LOADER)
    except (OSError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise LedgerError(f"{path} cannot be read ({reason}): restore or correct it") from error
    problem = first_problem(ledger, yaml.load(Path(path_to_schema).read_text(), _LOADER))
    if problem is not None:
        raise LedgerError(f"claims.yaml: {problem}")
    letters = {study.letter: name for name, study in STUDIES.items()}
    for claim in ledger:
        if claim[0] not in letters:
            raise LedgerError(
                f"claims.yaml: {claim!r} belongs to no study; begin its id with one of "
                + ", ".join(f"{letter} ({name})" for letter, name in letters.items())
            )
    return ledger


def entries_of(ledger: Mapping[str, Any], study: str) -> dict[str, Any]:
    """Return the claims of one study; ids begin with the letter of their study."""
    letter = TITLED[study].letter
    return {claim: entry for claim, entry in ledger.items() if claim[0] == letter}
