"""What a check returns, and how outcomes make one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stagewise.claims.layout import VERDICTS

SUPPORTED, REFUTED, MIXED, NOT_TESTABLE = VERDICTS


@dataclass(frozen=True)
class Verdict:
    """Outcome of a check.

    Parameters
    ----------
    verdict : str
        One of `claims.layout.VERDICTS`.
    value : str
        What was measured, seed by seed.
    uncertainty : str
        How sure the measured value is.
    seeds : tuple of int
        Seeds that the verdict rests on.
    """

    verdict: str
    value: str = ""
    uncertainty: str = ""
    seeds: tuple[int, ...] = ()


def judged(supported: bool, refuted: bool) -> str:
    """Return the verdict of two exclusive conditions: mixed where neither holds."""
    return SUPPORTED if supported else REFUTED if refuted else MIXED


def overall(outcomes: Mapping[int, bool | None]) -> str:
    """Return one verdict for the outcomes of seeds, where None is a seed that cannot be tested.

    Supported if every testable seed agrees, refuted if every seed disagrees, else mixed; a seed that
    cannot be tested does not disagree.
    """
    known = [outcome for outcome in outcomes.values() if outcome is not None]
    if not known:
        return NOT_TESTABLE
    if all(known):
        return SUPPORTED
    return MIXED if any(known) or len(known) < len(outcomes) else REFUTED
