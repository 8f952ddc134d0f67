"""Claims on models whose learning coefficient is known: I1, I2."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from stagewise.claims.registry import claim
from stagewise.claims.verdicts import NOT_TESTABLE, Verdict, judged
from stagewise.studies.instruments.claims.evidence import InstrumentsEvidence

SCALED = "scaled quadratic"
"""Family of the cases that differ in nothing but the scale of the loss."""

PULLED = "scaled, strong pull"
"""The same where the pull to w* is as strong as in the studies: no estimate of lambda, so not in I1."""


@claim("I1")
def recovers_exact(
    found: InstrumentsEvidence, *, max_error: float, coverage: float, level: float
) -> Verdict:
    """I1: estimates are near the exact values, and their intervals cover them, none too wide."""
    table = found.validation[found.validation["family"].ne(PULLED)]
    if table.empty:
        return Verdict(NOT_TESTABLE)
    # A case without an estimate is as far off as can be, and covers nothing.
    error = (table["bias"] / table["exact"]).abs().fillna(np.inf)
    covers = table["interval_low"].le(table["exact"]) & table["interval_high"].ge(table["exact"])
    fewest = stats.binom.ppf(level, len(table), coverage)
    spread, least = _spread_in_intervals(table, level)
    parts = [error.median() <= max_error, covers.sum() >= fewest and spread >= least]
    value = (
        f"median relative error {100 * error.median():.1f} %, "
        f"{int(covers.sum())} of {len(table)} intervals cover, errors {spread:.2f} of what they allow"
    )
    if not covers.all():
        value += f"; missed: {', '.join(table.loc[~covers, 'case'])}"
    share = 100 * table["stderr"] / table["exact"]
    text = f"standard errors of {share.min():.1f} to {share.max():.1f} %"
    text += f" (median {share.median():.1f} %); intervals are right if {fewest:.0f} cover, and not "
    text += f"too wide if errors are {least:.2f} of what they allow"
    return Verdict(judged(all(parts), not any(parts)), value, text)


def _spread_in_intervals(table: pd.DataFrame, level: float) -> tuple[float, float]:
    """Return the errors' root mean square in units of the intervals, and what few honest ones go below.

    An interval of 95 % reaches 1.96 standard deviations of a normal error. Errors that are smaller
    than chance allows say that the intervals are too wide.
    """
    half_width = (table["interval_high"] - table["interval_low"]) / 2
    scores = (stats.norm.ppf(0.975) * table["bias"] / half_width).dropna()
    least = np.sqrt(stats.chi2.ppf(level, max(len(scores), 1)) / max(len(scores), 1))
    return float(np.sqrt((scores**2).mean())), float(least)


@claim("I2")
def scale_free(
    found: InstrumentsEvidence,
    *,
    min_decades: float,
    max_stderr: float,
    max_distance: float,
    max_slope: float,
) -> Verdict:
    """I2: estimates of one quadratic at several scales are the same, whatever the pull to w*."""
    families = {
        name: found.validation[found.validation["family"].eq(name)] for name in (SCALED, PULLED)
    }
    parts, texts, errors = [], [], []
    for name, rows in families.items():
        if len(rows) < 3 or rows["stderr"].isna().any():
            return Verdict(NOT_TESTABLE)
        log_scale = np.log10(rows["scale"].to_numpy())
        precision = float((rows["stderr"] / rows["estimate"]).max())
        decades = float(np.ptp(log_scale))
        if decades < min_decades or precision > max_stderr:
            text = f"{decades:.1f} decades at standard errors up to {100 * precision:.1f} %"
            return Verdict(NOT_TESTABLE, f"{name}: {text}: too little to test")
        distance = _largest_distance(rows)
        slope, error = _slope(log_scale, rows)
        parts += [distance <= max_distance, abs(slope) <= max_slope * error]
        low, high = rows["estimate"].min(), rows["estimate"].max()
        texts.append(
            f"{name}: {low:.3g} to {high:.3g} over {decades:.1f} decades, slope {slope:.4f} a decade, "
            f"largest distance {distance:.1f} joint standard errors"
        )
        errors.append(f"{name}: slope ± {error:.4f}")
    verdict = judged(all(parts), not any(parts))
    return Verdict(verdict, "; ".join(texts), "; ".join(errors))


def _largest_distance(rows: pd.DataFrame) -> float:
    """Return the largest difference of two estimates, in joint standard errors."""
    pairs = combinations(rows[["estimate", "stderr"]].to_numpy(), 2)
    return max(abs(a - b) / float(np.hypot(e, f)) for (a, e), (b, f) in pairs)


def _slope(log_scale: np.ndarray, rows: pd.DataFrame) -> tuple[float, float]:
    """Return the weighted slope of log estimate against log scale, and its standard error."""
    log_estimate = np.log10(rows["estimate"].to_numpy())
    # The error of a logarithm to base 10 is the relative error over log 10.
    weight = (np.log(10) * rows["estimate"] / rows["stderr"]).to_numpy() ** 2
    centred = log_scale - np.average(log_scale, weights=weight)
    total = float((weight * centred**2).sum())
    return float((weight * centred * log_estimate).sum()) / total, total**-0.5
