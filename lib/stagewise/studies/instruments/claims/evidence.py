"""What the checks on the LLC as an instrument look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from stagewise.claims.missing import found
from stagewise.development.layout import FORM_RATES
from stagewise.exact.layout import VALIDATION
from stagewise.llc.layout import AUDIT


@dataclass(frozen=True)
class InstrumentsEvidence:
    """Estimates of known learning coefficients, and estimates made again.

    Parameters
    ----------
    validation : pandas.DataFrame
        Layout `exact.layout.VALIDATION`.
    audits : sequence of (seed, pandas.DataFrame)
        Of each run that was estimated again; layout `llc.layout.AUDIT`.
    form_rates : pandas.DataFrame
        Forms in simulated trajectories; layout `development.layout.FORM_RATES`.
    """

    validation: pd.DataFrame
    audits: Sequence[tuple[int, pd.DataFrame]]
    form_rates: pd.DataFrame


def read(
    validation: str, audits: Sequence[str], form_rates: str, *, seeds: Sequence[int]
) -> InstrumentsEvidence:
    """Read the tables; `seeds` are those of the audited runs, in the same order."""
    tables = [found(AUDIT.read, path) for path in audits]
    return InstrumentsEvidence(
        found(VALIDATION.read, validation),
        list(zip(seeds, tables, strict=True)),
        found(FORM_RATES.read, form_rates),
    )
