"""Lines with normal errors through observations of which some are only known to lie above (censored).

Many fits at once: with line and observations divided by the deviation the likelihood is concave
(Olsen 1978), so that Newton's method finds its largest value from any start.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import numpy as np
import scipy.special

_STEPS, _HALVINGS, _TOLERANCE = 60, 12, 1e-9
_LARGEST = 1e6  # of 1 / deviation in units of the observations' spread: exact data


@dataclass(frozen=True)
class Lines:
    """Fitted lines y = intercept + slope z, and their normal errors; arrays of shape (fit,).

    Parameters
    ----------
    intercept, slope, deviation, log_likelihood : ndarray
    """

    intercept: np.ndarray
    slope: np.ndarray
    deviation: np.ndarray
    log_likelihood: np.ndarray


def fit_lines(z: np.ndarray, y: np.ndarray, censored: np.ndarray, counts: np.ndarray) -> Lines:
    """Fit lines by maximum likelihood.

    Parameters
    ----------
    z, y : ndarray, shape (fit, observation)
    censored : ndarray of bool, shape (fit, observation)
        Where the value is known to be above y.
    counts : ndarray of bool, shape (fit, observation)
        Which observations a fit takes into account; z of the others may be anything.
    """
    z, weight = np.where(counts, z, 0.0), counts.astype(float)
    seen = (weight * ~censored).sum(1)
    (z_mean, z_scale), (y_mean, y_scale) = (_standard(values, weight) for values in (z, y))
    x = np.stack([np.ones_like(z), (z - z_mean) / z_scale], -1)
    values = (y - y_mean) / y_scale
    jacobian = np.concatenate([-x, values[..., None]], -1)  # of the error in (line, 1) / deviation
    point = np.zeros((len(z), 3))
    point[:, 2] = 1.0
    cost, gradient, curvature = _derivatives(point, jacobian, censored, weight, seen)
    for _ in range(_STEPS):
        step = -np.linalg.solve(curvature + 1e-12 * np.eye(3), gradient[..., None])[..., 0]
        if not (np.abs((gradient * step).sum(1)) > _TOLERANCE).any():
            break
        size = np.ones(len(z))
        for _ in range(_HALVINGS):
            trial = point + size[:, None] * step
            ahead = _cost(trial, jacobian, censored, weight, seen)
            worse = ~(ahead <= cost + 1e-12)
            if not worse.any():
                break
            size[worse] /= 2
        point = np.where(worse[:, None], point, trial)
        point[:, 2] = np.minimum(point[:, 2], _LARGEST)
        cost, gradient, curvature = _derivatives(point, jacobian, censored, weight, seen)
    deviation = y_scale[:, 0] / point[:, 2]
    slope = deviation * point[:, 1] / z_scale[:, 0]
    intercept = y_mean[:, 0] + deviation * point[:, 0] - slope * z_mean[:, 0]
    return Lines(intercept, slope, deviation, -cost - seen * np.log(y_scale[:, 0]))


def _standard(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    total = weight.sum(1, keepdims=True)
    mean = (weight * values).sum(1, keepdims=True) / total
    spread = np.sqrt((weight * (values - mean) ** 2).sum(1, keepdims=True) / total)
    return mean, np.where(spread > 0, spread, 1.0)


def _cost(
    point: np.ndarray,
    jacobian: np.ndarray,
    censored: np.ndarray,
    weight: np.ndarray,
    seen: np.ndarray,
) -> np.ndarray:
    """Return minus the log-likelihood; infinite where 1 / deviation is not positive."""
    error = np.einsum("fok,fk->fo", jacobian, point)
    terms = np.where(censored, -scipy.special.log_ndtr(-error), 0.5 * error**2 + 0.5 * log(2 * pi))
    with np.errstate(invalid="ignore", divide="ignore"):
        cost: np.ndarray = (weight * terms).sum(1) - seen * np.log(point[:, 2])
    return np.where(point[:, 2] > 0, cost, np.inf)


def _derivatives(
    point: np.ndarray,
    jacobian: np.ndarray,
    censored: np.ndarray,
    weight: np.ndarray,
    seen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `_cost` with its gradient and its matrix of second derivatives."""
    error = np.einsum("fok,fk->fo", jacobian, point)
    hazard = np.exp(
        -0.5 * np.where(censored, error, 0.0) ** 2
        - 0.5 * log(2 * pi)
        - scipy.special.log_ndtr(-np.where(censored, error, 0.0))
    )
    first = weight * np.where(censored, hazard, error)
    second = weight * np.where(censored, hazard * (hazard - error), 1.0)
    gradient = np.einsum("fok,fo->fk", jacobian, first)
    curvature = np.einsum("foj,fo,fok->fjk", jacobian, second, jacobian)
    gradient[:, 2] -= seen / point[:, 2]
    curvature[:, 2, 2] += seen / point[:, 2] ** 2
    return _cost(point, jacobian, censored, weight, seen), gradient, curvature
