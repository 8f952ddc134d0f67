"""What a check returns, and how outcomes make one verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stagewise.claims.layout import VERDICTS
from stagewise.claims.words import listed

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


def of_seeds(
    agrees: Mapping[int, bool],
    against: Mapping[int, bool],
    texts: Mapping[int, str],
    uncertainty: str,
    untestable: Mapping[int, str] | None = None,
) -> Verdict:
    """Return what seeds say together: supported if all agree, refuted if all are against.

    Parameters
    ----------
    agrees, against : mapping of int to bool
        By seed; a seed may be neither.
    texts : mapping of int to str
        What was measured, by seed.
    uncertainty : str
    untestable : mapping of int to str, optional
        Why the other seeds cannot be tested; such a seed neither disagrees nor is against.
    """
    others = untestable or {}
    if not agrees:
        return Verdict(NOT_TESTABLE, listed(others))
    verdict = judged(all(agrees.values()), all(against.values()) and not others)
    return Verdict(verdict, listed({**texts, **others}), uncertainty, tuple(texts))


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
