"""Claim on estimates that are made again: I4."""

from __future__ import annotations

import pandas as pd

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, REFUTED, SUPPORTED, Verdict
from stagewise.studies.instruments.claims.evidence import InstrumentsEvidence


@claim("I4")
def same_estimates(found: InstrumentsEvidence) -> Verdict:
    """I4: estimates made again, one by one, are the same numbers."""
    audits = [(seed, audit) for seed, audit in found.audits if len(audit)]
    if not audits:
        return Verdict(NOT_TESTABLE)
    rows = pd.concat([audit for _, audit in audits])
    verdict = SUPPORTED if rows["identical"].all() else REFUTED
    value = f"{int(rows['identical'].sum())} of {len(rows)} checkpoints identical"
    largest = f"largest difference {rows['largest_difference'].max():.3g}"
    return Verdict(verdict, value, largest, tuple(seed for seed, _ in audits))
