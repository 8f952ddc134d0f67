"""Whether the LLC falls when degrees of freedom are lost: correlation of rates, lag and errors.

Two curves that go one way each are always correlated, whatever drives them. What can agree or disagree
is when they move. So rates in log time are compared, from the LLC's top on, and what they are compared
with is the same two curves out of step: one of them shifted around the window, all shifts alike. That
keeps how smooth each curve is. A curve of any other quantity that changes at the same times passes as
well: agreement in time is no cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import interp1d

POINTS = 40
"""Of the window, even in log time: as many shifts."""

WIDTH = 0.125
"""Share of the window over which a rate is taken."""

TINY = 1e-12
"""Rates that vary by no more do not vary."""


@dataclass(frozen=True)
class Link:
    """How two curves move together from the LLC's top on.

    Parameters
    ----------
    correlation, low, high : float
        Of the rate of the loss of parameters with minus the LLC's rate, and 95 % bounds over the noise
        of the LLC.
    chance : float
        Share of all shifts in time, none included, at which the correlation is as large.
    lag, lag_low, lag_high : float
        In log time, by how much the LLC moves later than the count: the shift of the largest
        correlation, and 95 % bounds.
    start : float
        Step of the top.
    fall, fall_stderr : float
        Of the LLC from there to its smallest later value.
    explained : float
        Half of the largest rise of the count within the window: the largest fall that it explains.
    """

    correlation: float
    low: float
    high: float
    chance: float
    lag: float
    lag_low: float
    lag_high: float
    start: float
    fall: float
    fall_stderr: float
    explained: float


@dataclass(frozen=True)
class Moves:
    """When two curves move, from the LLC's top on.

    Parameters
    ----------
    step : ndarray, shape (point,)
        Even in log time.
    losing, falling : ndarray, shape (point,)
        Rates per unit of log time: of the loss of parameters, and minus that of the LLC.
    shift : ndarray, shape (point,)
        Of the count, later by so much log time; what leaves the window comes in on its other side.
    correlation : ndarray, shape (point,)
        Of the rates at each shift.
    """

    step: np.ndarray
    losing: np.ndarray
    falling: np.ndarray
    shift: np.ndarray
    correlation: np.ndarray


def moves(steps: np.ndarray, llc: np.ndarray, lost: np.ndarray) -> Moves:
    """Return when an LLC and a count move; parameters as for `link`."""
    top = int(np.argmax(llc))
    time = np.log1p(steps[top:].astype(float))
    losing, falling = _rates(time, lost[top:]), -_rates(time, llc[top:])
    shifts = _signed(np.arange(POINTS)) * (time[-1] - time[0]) / (POINTS - 1)
    order = np.argsort(shifts)
    return Moves(
        np.expm1(np.linspace(time[0], time[-1], POINTS)),
        losing,
        falling,
        shifts[order],
        _correlations(losing, falling)[order],
    )


def falls(
    steps: np.ndarray, llc: np.ndarray, stderr: np.ndarray, *, min_points: int, min_share: float
) -> str:
    """Return why a curve has no fall to be looked at, or nothing if it has.

    Parameters
    ----------
    steps, llc, stderr : ndarray, shape (checkpoint,)
        In the order of time.
    min_points : int
        Least checkpoints from the top on.
    min_share : float
        Least fall as a share of the top; it is more than 3 standard errors besides.
    """
    if not len(llc):
        return "no sound estimates"
    top = int(np.argmax(llc))
    if len(llc) - top < min_points:
        return f"{len(llc) - top} estimates from the top of the LLC on, too few to test"
    fall, error = _fall(llc[top:], stderr[top:])
    if not (fall > 3 * error and fall >= min_share * llc[top]):
        return f"the LLC falls by {fall:.2g} of {llc[top]:.2g}, too little to test"
    return ""


def link(
    steps: np.ndarray,
    llc: np.ndarray,
    stderr: np.ndarray,
    lost: np.ndarray,
    *,
    seed: int,
    num_draws: int = 200,
) -> Link:
    """Compare the LLC with the count of lost parameters, from the LLC's top on.

    Parameters
    ----------
    steps, llc, stderr, lost : ndarray, shape (checkpoint,)
        In the order of time; estimates that are sound.
    seed : int
        Of the draws of noise.
    num_draws : int
        Curves with other noise, independent between checkpoints, behind the bounds.
    """
    top = int(np.argmax(llc))
    time = np.log1p(steps[top:].astype(float))
    count, values, errors = lost[top:], llc[top:], np.nan_to_num(stderr[top:])
    gained = _rates(time, count)
    over_shifts = _correlations(gained, -_rates(time, values))
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((num_draws, len(values))) * errors
    drawn = _correlations(gained, -_rates(time, values + noise))
    step_of_shift = (time[-1] - time[0]) / (POINTS - 1)
    low, high = np.quantile(drawn[:, 0], [0.025, 0.975])
    lag_low, lag_high = np.quantile(_lags(drawn) * step_of_shift, [0.025, 0.975])
    fall, fall_stderr = _fall(values, errors)
    return Link(
        float(over_shifts[0]),
        float(low),
        float(high),
        float((over_shifts >= over_shifts[0] - TINY).mean()),
        float(_lags(over_shifts) * step_of_shift),
        float(lag_low),
        float(lag_high),
        float(steps[top]),
        fall,
        fall_stderr,
        float(count.max() - count[0]) / 2,
    )


def _fall(values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Return the fall from the first value to the smallest, and its standard error."""
    least = int(np.argmin(values))
    return float(values[0] - values[least]), float(np.hypot(errors[0], errors[least]))


def _rates(time: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the slopes of curves (..., checkpoint) in log time over `WIDTH` of the window."""
    half = WIDTH / 2 * (time[-1] - time[0])
    places = np.linspace(time[0], time[-1], POINTS)
    early, late = (np.clip(places + side, time[0], time[-1]) for side in (-half, half))
    after = interp1d(time, values)
    return np.asarray((after(late) - after(early)) / (late - early))


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlations of a curve, moved later by 0 to `POINTS` - 1 places, with others.

    0 where either does not vary. Shape (..., shift).
    """
    one, others = (
        np.fft.rfft(curve - curve.mean(-1, keepdims=True), axis=-1) for curve in (first, second)
    )
    size = np.linalg.norm(first - first.mean()) * np.linalg.norm(
        second - second.mean(-1, keepdims=True), axis=-1, keepdims=True
    )
    products = np.fft.irfft(others * one.conj(), n=POINTS, axis=-1)
    return np.divide(products, size, out=np.zeros_like(products), where=size > TINY)


def _lags(over_shifts: np.ndarray) -> np.ndarray:
    """Return the shift of the largest correlation, to either side."""
    return _signed(np.argmax(over_shifts, axis=-1))


def _signed(shift: np.ndarray) -> np.ndarray:
    return np.where(shift <= POINTS // 2, shift, shift - POINTS)
