"""Time to generalise against the share of data (claim G10, of others than the dialogue's).

All laws are ``log t = a + b z(x)`` with normal errors in log t, z = 0 at train fraction x = 1 and z
rising as data shrink. They are members of one family, ``z = (x^-c - 1) / c``:

- power, c = 0: ``t = A x^-b``;
- exponential, c = -1: ``t = A exp(-b x)``, log t is a straight line;
- super-exponential, c > 0: ``t = A exp(B x^-c)``, faster than any power.

log t is convex in x, and so grows faster than exponentially as data shrink, where c > -1. A
run that ended before it generalised enters by the chance that its time is later (right censoring).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log, nan, pi, sqrt

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special

from stagewise.studies.modular.censoring import Times
from stagewise.studies.modular.experiments import FRACTIONS, SIZES
from stagewise.studies.modular.laws import FAMILY, FORMS, SHAPES, Law, ShapeInterval, shrinkage
from stagewise.studies.modular.layout import LAWS

_SUPER_SHAPES = (0.05, 10.0)  # below, a power law on the fractions that can be measured
_ALL_SHAPES = (-8.0, 10.0)
_GRID = 30
_FEWEST_FRACTIONS = 3


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

    Raises
    ------
    ValueError
        If the shapes disagree or a value is out of range.
    """

    fraction: np.ndarray
    time: np.ndarray
    censored: np.ndarray

    def __post_init__(self) -> None:
        shapes = {np.shape(part) for part in vars(self).values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise ValueError(f"fraction, time and censored must be of one length, not {shapes}")
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
        return cls(alive["train_fraction"].to_numpy(dtype=float), times.values, times.censored)

    @property
    def num_fractions(self) -> int:
        """Number of different fractions at which a run generalised."""
        return len(np.unique(self.fraction[~self.censored]))


def fit_law(runs: Runs, form: str) -> Law:
    """Fit one law.

    Parameters
    ----------
    runs : Runs
    form : str
        One of `FORMS`.

    Raises
    ------
    ValueError
        If the form is unknown.
    RuntimeError
        If the search for the largest likelihood does not end.
    """
    if form not in FORMS:
        raise ValueError(f"form must be one of {', '.join(FORMS)}, not {form!r}")
    if runs.num_fractions < _FEWEST_FRACTIONS:
        return Law(form, nan, nan, nan, nan, nan, nan)
    shape = SHAPES.get(form)
    num_parameters = 3
    if shape is None:
        shape, num_parameters = _best_shape(runs, _SUPER_SHAPES), 4
    intercept, slope, deviation, likelihood = _fit_line(runs, shape)
    aic = 2 * num_parameters - 2 * likelihood
    return Law(form, intercept, slope, shape, deviation, likelihood, aic)


def fit_laws(runs: Runs) -> dict[str, Law]:
    """Return the fit of every law, by its form; see `fit_law`."""
    return {form: fit_law(runs, form) for form in FORMS}


def shape_interval(runs: Runs, level: float = 0.95) -> ShapeInterval:
    """Return the shape of the family and the interval of its profile likelihood.

    Parameters
    ----------
    runs : Runs
    level : float

    Returns
    -------
    ShapeInterval
        All NaN with fewer than three fractions generalised at. Where even the interval's end is
        beyond [-8, 10] it is infinite.
    """
    if runs.num_fractions < _FEWEST_FRACTIONS:
        return ShapeInterval(nan, nan, nan)
    shape = _best_shape(runs, _ALL_SHAPES)
    bar = _fit_line(runs, shape)[-1] - float(scipy.special.chdtri(1, 1 - level)) / 2

    def above(value: float) -> float:
        return _fit_line(runs, value)[-1] - bar

    low, high = _ALL_SHAPES
    return ShapeInterval(
        shape,
        -inf if above(low) > 0 else float(scipy.optimize.brentq(above, low, shape, xtol=1e-4)),
        inf if above(high) > 0 else float(scipy.optimize.brentq(above, shape, high, xtol=1e-4)),
    )


def law_table(runs: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return every law, and the shape over the whole family, of each modulus.

    Parameters
    ----------
    runs : DataFrame
        Layout `modular.layout.RUNS`.
    level : float
        Of the interval of the shape.

    Returns
    -------
    DataFrame
        Layout `modular.layout.LAWS`.
    """
    rows = []
    for size in SIZES:
        own = runs[runs["setting"].isin([name for name in FRACTIONS if name.startswith(size)])]
        known = Runs.of(own)
        of_all = {
            "size": size,
            "modulus": int(own["modulus"].iloc[0]),
            "runs": len(known.time),
            "censored": int(known.censored.sum()),
        }
        family = {"form": FAMILY, **vars(shape_interval(known, level)), "level": level}
        fitted = [vars(law) for law in fit_laws(known).values()]
        rows += [of_all | law for law in (*fitted, family)]
    return pd.DataFrame(rows, columns=list(LAWS.columns))


def _best_shape(runs: Runs, between: tuple[float, float]) -> float:
    """Return the shape of the largest likelihood: on a grid first, for there may be two maxima."""

    def cost(shape: float) -> float:
        return -_fit_line(runs, shape)[-1]

    grid = np.linspace(*between, _GRID)
    best = int(np.argmin([cost(shape) for shape in grid]))
    around = grid[max(best - 1, 0)], grid[min(best + 1, _GRID - 1)]
    found = scipy.optimize.minimize_scalar(
        cost, bounds=around, method="bounded", options={"xatol": 1e-5}
    )
    return float(found.x)


def _fit_line(runs: Runs, shape: float) -> tuple[float, float, float, float]:
    """Return intercept, slope, deviation and log-likelihood of the law of a given shape.

    With line and observations divided by the deviation the likelihood is concave (Olsen 1978), so that
    any start will do. Least squares, as if no run were censored, sets origin and scale.
    """
    z, log_time = shrinkage(runs.fraction, shape), np.log(runs.time)
    orthonormal, upper = np.linalg.qr(np.stack([np.ones_like(z), z], 1))
    orthonormal, upper = orthonormal * sqrt(len(z)), upper / sqrt(len(z))
    start = orthonormal.T @ log_time / len(z)
    residual = log_time - orthonormal @ start
    scale = max(float(np.sqrt(np.mean(residual**2))), 1e-6)
    found = scipy.optimize.minimize(
        _cost_of(orthonormal, residual / scale, runs.censored),
        np.array([0.0, 0.0, 1.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), (None, None), (1e-6, 1e3)],
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1000},
    )
    if not np.isfinite(found.fun) or found.status == 1:
        raise RuntimeError(f"the law of shape {shape} could not be fitted: {found.message}")
    deviation = scale / float(found.x[2])
    line = np.linalg.solve(upper, start + found.x[:2] * deviation)
    observed = int((~runs.censored).sum())
    return float(line[0]), float(line[1]), deviation, -float(found.fun) - observed * log(scale)


def _cost_of(
    design: np.ndarray, values: np.ndarray, censored: np.ndarray
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """Return the function of (line / deviation, 1 / deviation) to minimise, with its gradient."""
    half_log = 0.5 * log(2 * pi)

    def cost(point: np.ndarray) -> tuple[float, np.ndarray]:
        error = point[2] * values - design @ point[:2]
        later = scipy.special.log_ndtr(-error)
        seen = 0.5 * error**2 + half_log - log(point[2])
        by_error = np.where(censored, np.exp(-0.5 * error**2 - half_log - later), error)
        by_scale = values @ by_error - (~censored).sum() / point[2]
        total = np.where(censored, -later, seen).sum()
        return float(total), np.r_[-design.T @ by_error, by_scale]

    return cost
