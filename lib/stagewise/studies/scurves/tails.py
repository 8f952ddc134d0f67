"""How a curve ends: exponentially or by a power law; and the rate of an exponential curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats

_POINTS = 100
_FEWEST = 8


@dataclass(frozen=True)
class Tail:
    """Two laws fitted to the logarithm of a tail.

    Parameters
    ----------
    exponent : float
        Of the power law, ``L ~ t^-exponent``.
    rate : float
        Of the exponential, ``L ~ exp(-rate t)``, a step.
    aic_difference : float
        Akaike's criterion of the power law less that of the exponential: negative where the power law
        describes the tail better. Both have two parameters and normal errors in log L; neighbouring
        points of a smooth curve are no independent ones, so each stretch in which the residuals of the
        better law have one sign counts as one.
    """

    exponent: float
    rate: float
    aic_difference: float


def fit_tail(steps: np.ndarray, loss: np.ndarray) -> Tail:
    """Fit both laws to a tail, at points evenly spaced in log time.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Positive, ascending.
    loss : ndarray, shape (T,)
        Positive.

    Returns
    -------
    Tail
        All NaN with fewer than eight points.
    """
    if len(steps) < _FEWEST:
        return Tail(float("nan"), float("nan"), float("nan"))
    log_steps = np.linspace(np.log(steps[0]), np.log(steps[-1]), _POINTS)
    log_loss = np.interp(log_steps, np.log(steps), np.log(loss))
    power = scipy.stats.linregress(log_steps, log_loss)
    exponential = scipy.stats.linregress(np.exp(log_steps), log_loss)
    residuals = [
        log_loss - fit.intercept - fit.slope * x
        for fit, x in ((power, log_steps), (exponential, np.exp(log_steps)))
    ]
    tiny = np.finfo(float).tiny
    sums = [max(float(np.square(own).sum()), tiny) for own in residuals]
    points = _swings(residuals[int(np.argmin(sums))])
    return Tail(-power.slope, -exponential.slope, points * float(np.log(sums[0] / sums[1])))


def _swings(residuals: np.ndarray) -> int:
    """Return the number of stretches in which residuals have one sign."""
    return 1 + int(np.count_nonzero(np.diff(np.signbit(residuals))))


def exponential_rate(steps: np.ndarray, loss: np.ndarray) -> tuple[float, float]:
    """Fit ``log L = log L_0 - rate t``; return the rate a step and the share of variance explained."""
    if len(steps) < 3:
        return float("nan"), float("nan")
    fit = scipy.stats.linregress(steps, np.log(loss))
    return float(-fit.slope), float(fit.rvalue**2)
