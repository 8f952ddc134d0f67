"""What checks share: declining without a study's evidence, and numbers in words."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pandas as pd

from stagewise.claims.evidence import MIXED, NOT_TESTABLE, REFUTED, SUPPORTED, Evidence, Verdict
from stagewise.core.intervals import share_interval

Check = Callable[..., Verdict]


def on(study: str) -> Callable[[Check], Check]:
    """Return what makes a check of one study's evidence one of all; without any it declines.

    Parameters
    ----------
    study : str
        Name of the field of `Evidence`.
    """

    def decorate(check: Check) -> Check:
        @functools.wraps(check)
        def checked(evidence: Evidence, **thresholds: float) -> Verdict:
            found = getattr(evidence, study)
            return Verdict(NOT_TESTABLE) if found is None else check(found, **thresholds)

        return checked

    return decorate


def judged(supported: bool, refuted: bool) -> str:
    """Return the verdict of two exclusive conditions: mixed where neither holds."""
    return SUPPORTED if supported else REFUTED if refuted else MIXED


def share_text(flags: pd.Series) -> str:
    """Return the share of runs with its 95 % interval in words."""
    low, high = share_interval(int(flags.sum()), len(flags))
    return f"{flags.mean():.2f} [{low:.2f}, {high:.2f}]"


def spread_text(values: pd.Series, digits: int = 3) -> str:
    """Return median and quartiles in words."""
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return f"{middle:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def seeds_of(*tables: pd.DataFrame) -> tuple[int, ...]:
    """Return the seeds that occur in any of the tables."""
    return tuple(sorted({int(seed) for table in tables for seed in table.index}))
