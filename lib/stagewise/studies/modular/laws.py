"""Laws of the time to generalise against the share of data, as `studies.modular.scaling` fits them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

FORMS = ("power", "exponential", "super_exponential")
SHAPES = {"power": 0.0, "exponential": -1.0}
"""Shapes of the laws that have a fixed one."""

FAMILY = "family"
"""What the table calls the whole family, whose shape is free."""


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
        c; fixed but for the super-exponential law.
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

    def median_time(self, fraction: np.ndarray) -> np.ndarray:
        """Return the median time to generalise at train fractions, in steps."""
        return np.exp(self.intercept + self.slope * shrinkage(fraction, self.shape))


@dataclass(frozen=True)
class ShapeInterval:
    """The shape c over the whole family, with its interval; infinite ends are not bounded by data.

    Parameters
    ----------
    shape : float
    low, high : float
        Where the profile likelihood falls short of its largest value by that of the level.
    """

    shape: float
    low: float
    high: float

    @property
    def faster_than_exponential(self) -> bool | None:
        """Whether log t is convex in x throughout the interval; None if the interval contains both."""
        if self.low > SHAPES["exponential"]:
            return True
        return False if self.high < SHAPES["exponential"] else None


def laws_of(table: pd.DataFrame, size: str) -> dict[str, Law]:
    """Return the laws of one modulus by their form, from a table of layout `modular.layout.LAWS`."""
    rows = table[table["size"] == size].set_index("form", drop=False)
    names = [field.name for field in fields(Law)]
    return {form: Law(**rows.loc[form, names].to_dict()) for form in FORMS}


def shape_of(table: pd.DataFrame, size: str) -> ShapeInterval:
    """Return the shape of the family at one modulus, with its interval."""
    row = table[(table["size"] == size) & (table["form"] == FAMILY)].iloc[0]
    return ShapeInterval(float(row["shape"]), float(row["low"]), float(row["high"]))


def shrinkage(fraction: np.ndarray, shape: float) -> np.ndarray:
    """Return z, computed so that it is smooth in the shape at 0."""
    logs = -np.log(fraction)
    return logs if shape == 0 else np.expm1(shape * logs) / shape
