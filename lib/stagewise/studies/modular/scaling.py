"""Time to generalise against the share of data (claim G10, of others than the dialogue's).

All laws are ``log t = a + b z(x)`` with normal errors in log t, z = 0 at train fraction x = 1 and z
rising as data shrink. They are members of one family, ``z = -log(1 - k (1 - x)) / k``:

- exponential, k = 0: ``t = A exp(-b x)``, log t is a straight line;
- power, k = 1: ``t = A x^-b``;
- critical, k > 1: ``t = A (x - x_c)^-b'``, which diverges at a share x_c = 1 - 1 / k above 0.

A run that ended before it generalised enters by the chance that its time is later (right censoring),
and below the critical share it never does. Which law holds, and whether the runs could tell, is asked of
simulated times: of the law to be rejected, and of a critical one, on the same shares, runs and steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from stagewise.studies.modular.censored_lines import Lines, fit_lines
from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.experiments import FRACTIONS, SIZES
from stagewise.studies.modular.laws import ALL, CRITICAL, FORMS, NULLS, SHAPES, Law, shrinkage
from stagewise.studies.modular.layout import COMPARISON, LAWS

_FEWEST_FRACTIONS = 3
_CRITICAL_SHARES = np.concatenate([np.linspace(0.04, 0.92, 23), [0.95, 0.97]])
"""Of the least share at which a run generalised; those at which a critical law is tried."""

REFERENCE = 0.5
"""Critical share of the law that the runs should tell from the others, of the same share."""


@dataclass(frozen=True)
class Runs:
    """Times to generalise of runs on shares of the data.

    Parameters
    ----------
    fraction : ndarray, shape (run,)
        Train fraction x, in (0, 1].
    time : ndarray, shape (run,)
        Step at which the run generalised, or its last step if censored; positive.
    censored : ndarray of bool, shape (run,)
        Whether the run ended before it generalised.
    last_step : ndarray, shape (run,)
        At which the run ended, or would have.

    Raises
    ------
    ValueError
        If the shapes disagree or a value is out of range.
    """

    fraction: np.ndarray
    time: np.ndarray
    censored: np.ndarray
    last_step: np.ndarray

    def __post_init__(self) -> None:
        shapes = {np.shape(part) for part in vars(self).values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ValueError(f"the parts must be of one length, not {shapes}")
        if not ((self.fraction > 0) & (self.fraction <= 1)).all():
            raise ValueError("fraction must be in (0, 1]")
        if not (np.isfinite(self.time) & (self.time > 0)).all():
            raise ValueError("time must be positive; of a censored run, its last step")
        if np.asarray(self.censored).dtype != bool:
            raise ValueError("censored must be of type bool")

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Runs:
        """Return the runs of a table, layout `modular.layout.RUNS`, that did not diverge."""
        alive = rows[~rows["diverged"]]
        times = Times.to_generalise(alive)
        return cls(
            alive["train_fraction"].to_numpy(dtype=float),
            times.values,
            times.censored,
            alive["num_steps"].to_numpy(dtype=float),
        )

    @property
    def num_fractions(self) -> int:
        """Number of different fractions at which a run generalised."""
        return len(np.unique(self.fraction[~self.censored]))

    @property
    def least_fraction(self) -> float:
        """Least fraction at which a run generalised."""
        return float(self.fraction[~self.censored].min())


@dataclass(frozen=True)
class Comparison:
    """How much better a critical law fits than another one, and what simulations say to that.

    Parameters
    ----------
    observed : float
        Gain in log-likelihood.
    null, critical : ndarray, shape (draw,)
        The gain on times simulated by the other law, fitted to the runs, and by the critical law of
        `REFERENCE`; NaN where fewer than three fractions generalised.
    """

    observed: float
    null: np.ndarray
    critical: np.ndarray

    @property
    def p_value(self) -> float:
        """One-sided, that the other law explains the gain."""
        known = self.null[np.isfinite(self.null)]
        return float((1 + (known >= self.observed).sum()) / (1 + len(known)))


def fit_laws(runs: Runs) -> dict[str, Law]:
    """Return the fit of every law, by its form."""
    if runs.num_fractions < _FEWEST_FRACTIONS:
        return {form: Law(form, nan, nan, nan, nan, nan, nan) for form in FORMS}
    lines, shapes = _fit_all(runs.fraction, runs.time[None], runs.censored[None])
    laws = {}
    for form in FORMS:
        parts = {name: float(values[0]) for name, values in vars(lines[form]).items()}
        num_parameters = 4 if form == CRITICAL else 3
        aic = 2 * num_parameters - 2 * parts["log_likelihood"]
        laws[form] = Law(form, **parts, shape=float(shapes[form][0]), aic=aic)
    return laws


def simulated(
    runs: Runs, law: Law, draws: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return times of a law at the fractions of runs, and which are censored, shape (draw, run)."""
    z = shrinkage(runs.fraction, law.shape)
    noise = law.deviation * rng.standard_normal((draws, len(z)))
    with np.errstate(over="ignore"):
        time = np.exp(law.intercept + law.slope * z + noise)
    return np.clip(time, 1, runs.last_step), time > runs.last_step


def gains(fraction: np.ndarray, time: np.ndarray, censored: np.ndarray) -> dict[str, np.ndarray]:
    """Return by how much a critical law has the larger log-likelihood than either other law.

    Parameters
    ----------
    fraction : ndarray, shape (run,)
    time, censored : ndarray, shape (draw, run)
        As of `simulated`.

    Returns
    -------
    dict of str to ndarray, shape (draw,)
        NaN with fewer than three fractions generalised at.
    """
    reached = [(~censored[:, fraction == share]).any(1) for share in np.unique(fraction)]
    enough = np.sum(reached, axis=0) >= _FEWEST_FRACTIONS
    found = {name: np.full(len(time), nan) for name in NULLS}
    if enough.any():
        lines, _ = _fit_all(fraction, time[enough], censored[enough])
        for name, values in found.items():
            values[enough] = lines[CRITICAL].log_likelihood - lines[name].log_likelihood
    return found


def compare_laws(parts: Mapping[str, Runs], draws: int) -> dict[tuple[str, str], Comparison]:
    """Compare a critical law with the others, at each modulus and at all together.

    Parameters
    ----------
    parts : mapping of str to Runs
        By modulus; those with fewer than three fractions generalised at are left out.
    draws : int
        How many times each law is simulated.

    Returns
    -------
    dict of (str, str) to Comparison
        By modulus or `laws.ALL`, and by the other law; of `laws.ALL` gains are summed over moduli.
    """
    rng, found = np.random.default_rng(0), {}
    for size, runs in parts.items():
        if runs.num_fractions < _FEWEST_FRACTIONS:
            continue
        laws = fit_laws(runs)
        under_critical = gains(runs.fraction, *simulated(runs, reference_law(runs), draws, rng))
        for name in NULLS:
            found[size, name] = Comparison(
                laws[CRITICAL].log_likelihood - laws[name].log_likelihood,
                gains(runs.fraction, *simulated(runs, laws[name], draws, rng))[name],
                under_critical[name],
            )
    for name in NULLS if found else ():
        own = [one for (_, other), one in found.items() if other == name]
        found[ALL, name] = Comparison(
            sum(one.observed for one in own),
            np.nansum([one.null for one in own], axis=0),
            np.nansum([one.critical for one in own], axis=0),
        )
    return found


def reference_law(runs: Runs) -> Law:
    """Return the critical law of the share `REFERENCE`, its other parameters fitted to runs."""
    shape = np.array([1 / (1 - REFERENCE * runs.least_fraction)])
    lines = _fit_shapes(runs.fraction, runs.time[None], runs.censored[None], shape[None])
    parts = {name: float(values[0, 0]) for name, values in vars(lines).items()}
    return Law(CRITICAL, **parts, shape=float(shape[0]), aic=nan)


def law_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return every law at each modulus, from runs of layout `modular.layout.RUNS`.

    Returns
    -------
    DataFrame
        Layout `modular.layout.LAWS`.
    """
    rows = []
    for size, (modulus, known) in parts_of(runs).items():
        of_all = {"size": size, "modulus": modulus, "runs": len(known.time)}
        of_all["censored"] = int(known.censored.sum())
        rows += [of_all | vars(law) for law in fit_laws(known).values()]
    return pd.DataFrame(rows, columns=list(LAWS.columns))


def comparison_table(runs: pd.DataFrame, alpha: float, draws: int) -> pd.DataFrame:
    """Return what tells a critical law from the others, from runs of layout `modular.layout.RUNS`.

    Parameters
    ----------
    runs : DataFrame
    alpha : float
        Level of the tests.
    draws : int
        Simulations of each law.

    Returns
    -------
    DataFrame
        Layout `modular.layout.COMPARISON`; power is the share of simulations of the critical law of
        `REFERENCE` that reject the other law.
    """
    parts = {size: known for size, (_, known) in parts_of(runs).items()}
    rows = []
    for (size, null), one in compare_laws(parts, draws).items():
        bar = float(np.nanquantile(one.null, 1 - alpha))
        row = {"size": size, "null": null, "observed": one.observed, "p_value": one.p_value}
        row |= {"power": float(np.mean(one.critical > bar)), "alpha": alpha, "draws": draws}
        for name, values in (("null", one.null), ("critical", one.critical)):
            for part, share in (("low", 0.05), ("middle", 0.5), ("high", 0.95)):
                row[f"{name}_{part}"] = float(np.nanquantile(values, share))
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COMPARISON.columns)) if rows else COMPARISON.empty()


def parts_of(runs: pd.DataFrame) -> dict[str, tuple[int, Runs]]:
    """Return the modulus and the runs of each size of the experiment on shares of the data."""
    found = {}
    for size in SIZES:
        own = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        found[size] = int(own["modulus"].iloc[0]), Runs.of(own)
    return found


def _fit_all(
    fraction: np.ndarray, time: np.ndarray, censored: np.ndarray
) -> tuple[dict[str, Lines], dict[str, np.ndarray]]:
    """Return fits of every form to times, shape (draw, run), and their shapes, shape (draw,)."""
    least = np.where(censored, np.inf, fraction).min(1)
    shapes = {form: np.full((len(time), 1), shape) for form, shape in SHAPES.items()}
    shapes[CRITICAL] = 1 / (1 - _CRITICAL_SHARES * least[:, None])
    lines, kept = {}, {}
    for form, tried in shapes.items():
        fits = _fit_shapes(fraction, time, censored, tried)
        best = np.arange(len(time)), fits.log_likelihood.argmax(1)
        lines[form] = Lines(*(values[best] for values in vars(fits).values()))
        kept[form] = tried[best]
    return lines, kept


def _fit_shapes(
    fraction: np.ndarray, time: np.ndarray, censored: np.ndarray, shapes: np.ndarray
) -> Lines:
    """Return fits of laws of given shapes, shape (draw, shape), to times, shape (draw, run)."""
    z = shrinkage(fraction, shapes[..., None])
    full = z.shape
    y = np.broadcast_to(np.log(time)[:, None], full).reshape(-1, full[-1])
    late = np.broadcast_to(censored[:, None], full).reshape(y.shape)
    # A run below the critical share never generalises, which takes nothing off the likelihood.
    lines = fit_lines(z.reshape(y.shape), y, late, np.isfinite(z).reshape(y.shape))
    return Lines(*(values.reshape(full[:2]) for values in vars(lines).values()))
