"""Whether a circuit grows faster the larger it is (claim G13: self-reinforcement)."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
import scipy.stats

_FEWEST = 4


@dataclass(frozen=True)
class SelfReinforcement:
    """Growth against current size of one circuit; NaN if it grows over fewer than four records.

    Records of one run are not independent, so there is no interval here: it is over runs.

    Parameters
    ----------
    slope : float
        Of the growth rate d log S / dt against S, by least squares, in 1 / (time x size): 0 for
        exponential growth, positive for faster, negative for slower (linear, logistic).
    exponent : float
        beta of the law dS / dt ~ S^beta, by least squares of logarithms of the amplitude sqrt(S) and of
        its speed: 1/2 if that is steady, on any grid of times, above if it rises with size, above 1 if
        the growth rate of S does. Records at which S falls have no logarithm and are left out.
    correlation : float
        Spearman's, of the growth rate with S.
    num_records : int
        Records from the least size to the end of growth.
    """

    slope: float
    exponent: float
    correlation: float
    num_records: int


def growth_against_size(times: np.ndarray, size: np.ndarray, until: float) -> SelfReinforcement:
    """Follow a circuit from its least positive size to a share of the largest one after it.

    What a random initialisation puts into a mode may shrink before the circuit grows.

    Parameters
    ----------
    times : ndarray, shape (T,)
        Ascending.
    size : ndarray, shape (T,)
        Size S of the circuit, such as the power of a Fourier mode; not negative.
    until : float
        Share of that largest size at which the growth counts as ended, in (0, 1]: what follows is
        saturation.

    Raises
    ------
    ValueError
        If the shapes disagree, times do not increase, a size is negative or not finite, or
        `until` is outside (0, 1].
    """
    times, size = np.asarray(times, dtype=float), np.asarray(size, dtype=float)
    if times.ndim != 1 or times.shape != size.shape or not (np.diff(times) > 0).all():
        raise ValueError(
            f"growth needs increasing times and as many sizes; got {times.shape}, {size.shape}"
        )
    if not (np.isfinite(size) & (size >= 0)).all():
        raise ValueError("sizes must be finite and not negative")
    if not 0 < until <= 1:
        raise ValueError(f"until must be in (0, 1], not {until}")
    begin = int(np.argmin(np.where(size > 0, size, np.inf)))
    end = begin + int(np.argmax(size[begin:] >= until * size[begin:].max())) + 1
    times, size = times[begin:end], size[begin:end]
    if len(size) < _FEWEST or not (size > 0).all():
        return SelfReinforcement(nan, nan, nan, len(size))
    rate = np.gradient(np.log(size), times)
    amplitude = np.sqrt(size)
    speed = np.gradient(amplitude, times)
    grows = speed > 0
    exponent = nan
    if grows.sum() >= _FEWEST:
        law = scipy.stats.linregress(np.log(amplitude[grows]), np.log(speed[grows]))
        exponent = float((1 + law.slope) / 2)
    return SelfReinforcement(
        slope=float(scipy.stats.linregress(size, rate).slope),
        exponent=exponent,
        correlation=float(scipy.stats.spearmanr(size, rate).statistic) if np.ptp(rate) > 0 else nan,
        num_records=len(size),
    )
