"""Laws of the time to generalise against the share of data, as `studies.modular.scaling` fits them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

FORMS = ("exponential", "power", "critical")
SHAPES = {"exponential": 0.0, "power": 1.0}
"""Shapes of the laws that have a fixed one."""

CRITICAL = "critical"
NULLS = ("exponential", "power")
"""Laws that a critical one is held against."""

WORDS = {"exponential": "an exponential", "power": "a power law", "critical": "a critical share"}

ALL = "all"
"""What the comparison calls all moduli together."""


@dataclass(frozen=True)
class Law:
    """A law fitted by maximum likelihood; all NaN with fewer than three fractions generalised at.

    Parameters
    ----------
    form : str
        One of `FORMS`.
    intercept : float
        a, log of the median time at x = 1.
    slope : float
        b, of log t in z.
    shape : float
        k; fixed but for the critical law.
    deviation : float
        Standard deviation of log t at a fraction.
    log_likelihood : float
        Of log t.
    aic : float
        Akaike's criterion: 2 (number of fitted parameters) - 2 log-likelihood; less is better.
    """

    form: str
    intercept: float
    slope: float
    shape: float
    deviation: float
    log_likelihood: float
    aic: float

    @property
    def critical_share(self) -> float:
        """Share at which the time diverges; 0 for a power law, minus infinity for an exponential."""
        return 1 - 1 / self.shape if self.shape else -np.inf

    def median_time(self, fraction: np.ndarray) -> np.ndarray:
        """Return the median time to generalise at train fractions, in steps."""
        return np.exp(self.intercept + self.slope * shrinkage(fraction, self.shape))


def laws_of(table: pd.DataFrame, size: str) -> dict[str, Law]:
    """Return the laws of one modulus by their form, from a table of layout `modular.layout.LAWS`."""
    rows = table[table["size"] == size].set_index("form", drop=False)
    names = [field.name for field in fields(Law)]
    return {form: Law(**rows.loc[form, names].to_dict()) for form in FORMS}


def shrinkage(fraction: np.ndarray, shape: float | np.ndarray) -> np.ndarray:
    """Return z = -log(1 - k (1 - x)) / k, and 1 - x at k = 0; infinite from the critical share down."""
    missing = np.asarray(1 - fraction, dtype=float)
    shape = np.asarray(shape, dtype=float)
    inside = np.maximum(1 - shape * missing, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        z: np.ndarray = np.where(shape == 0, missing, -np.log(inside) / shape)
    return z
