"""The shape of a loss curve: initial decay, plateaus, drop.

Everything is read off the rate of decay a step, ``r = -d log L / dt``. A plateau is a stretch in which r
is below a share of its largest value before *and* after: learning slows down, and speeds up again. An
exponential keeps its rate and a power law only ever slows down, so neither has one; and a plateau is
judged on the clock of its own task, because its rates are compared with those beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from stagewise.studies.scurves.thresholds import CurveSettings

_STANDSTILL = 1e-3
"""Rates below this share of the largest, rising losses among them, count as this."""


@dataclass(frozen=True)
class Plateau:
    """A stretch in which learning slows down; times are steps.

    Parameters
    ----------
    begin : float
        Where the rate falls below the bar, a share of `beside`.
    end : float
        Where it rises above the bar; infinite if the run ends before.
    slowest : int
        Index of the record after which the rate is least.
    beside : float
        The smaller one of the largest rates before and after, per step.
    """

    begin: float
    end: float
    slowest: int
    beside: float


@dataclass(frozen=True)
class Phases:
    """Phases of one curve; times are steps, NaN for what there is not.

    Parameters
    ----------
    num_plateaus : int
    decay_end : float
        End of the initial decay: where the first plateau begins.
    plateau_end : float
        Where it ends.
    level : float
        Loss where the first plateau's rate is least; without a plateau, the zero tensor's loss.
    half_drop : float
        First step after the initial decay at which the loss is half the level.
    drop_steps : float
        Steps from 90 to 10 % of the level.
    censored : bool
        The run ended before the half-drop.
    least_rate : float
        Least rate as a share of the largest before or after it, whichever is smaller: 1 if the fall
        never slows down and speeds up again, whatever counts as a plateau.
    last_step : float
        Last step of the run.
    """

    num_plateaus: int
    decay_end: float
    plateau_end: float
    level: float
    half_drop: float
    drop_steps: float
    censored: bool
    least_rate: float
    last_step: float

    @property
    def length_ratio(self) -> float:
        """Half-drop time over end of the initial decay: 1 without a plateau, a bound if censored."""
        if np.isnan(self.decay_end):
            return 1.0
        return (self.last_step if self.censored else self.half_drop) / self.decay_end

    @property
    def length_steps(self) -> float:
        """Steps from end of decay to half-drop: 0 without a plateau, a bound if censored."""
        end = self.last_step if self.censored else self.half_drop
        if np.isnan(self.decay_end):
            return end if self.censored else 0.0
        return end - self.decay_end


def above_floor(loss: np.ndarray, floor: float) -> int:
    """Return how many of the first points lie above `floor` times the first one."""
    below = np.flatnonzero(~(loss > floor * loss[0]))
    return int(below[0]) if below.size else len(loss)


def rates(steps: np.ndarray, loss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rates of decay between records, and the middle of each interval.

    Parameters
    ----------
    steps, loss : ndarray, shape (T,)
        Ascending and positive.

    Returns
    -------
    times, rate : ndarray, shape (T - 1,)
        Steps, and ``-d log L / dt`` per step.
    """
    return (steps[1:] + steps[:-1]) / 2, -np.diff(np.log(loss)) / np.diff(steps)


def find_plateaus(times: np.ndarray, rate: np.ndarray, settings: CurveSettings) -> list[Plateau]:
    """Return every plateau, in order.

    Parameters
    ----------
    times, rate : ndarray, shape (T,)
        See `rates`.
    settings : CurveSettings

    Notes
    -----
    Valleys of log r whose prominence is that of the share are candidates. One counts if it is long
    enough for the loss to have fallen by `min_efoldings` factors e at the slower of the rates beside it:
    shorter ones are swings of an optimiser with momentum. The shortest goes first, and those beside it
    are measured again without it.
    """
    if not (rate > 0).any():
        return []
    log = np.log(np.maximum(rate, _STANDSTILL * rate.max()))
    valleys = list(find_peaks(-log, prominence=-np.log(settings.plateau_share))[0])
    while valleys:
        found = _around(times, log, valleys, settings.plateau_share)
        lengths = [(one.end - one.begin) * one.beside for one in found]
        shortest = int(np.argmin(lengths))
        if lengths[shortest] >= settings.min_efoldings:
            return found
        del valleys[shortest]
    return []


def _around(times: np.ndarray, log: np.ndarray, valleys: list[int], share: float) -> list[Plateau]:
    """Return the plateau of each valley of log r, between the largest rates on both sides."""
    edges = [0, *valleys, len(log) - 1]
    found = []
    for index, valley in enumerate(valleys):
        before = log[edges[index] : valley + 1].max()
        after = log[valley : edges[index + 2] + 1].max()
        beside = min(before, after)
        bar = beside + np.log(share)
        begin, end = (_crossing(times, log, valley, bar, towards) for towards in (-1, 1))
        found.append(Plateau(begin, end, int(valley), float(np.exp(beside))))
    return found


def unended_plateau(times: np.ndarray, rate: np.ndarray, settings: CurveSettings) -> Plateau | None:
    """Return the plateau on which a run ended, None if the rate was above the bar at the end."""
    largest = np.maximum.accumulate(rate)
    above = np.flatnonzero(rate >= settings.plateau_share * largest)
    begin = int(above[-1]) + 1 if above.size else 0
    if begin == len(rate):
        return None
    slowest = begin + int(rate[begin:].argmin())
    return Plateau(float(times[begin]), float("inf"), slowest, float(largest[-1]))


def _crossing(times: np.ndarray, log: np.ndarray, valley: int, bar: float, towards: int) -> float:
    """Return when log r crosses a bar next to a valley, between records by a straight line."""
    index = valley
    while log[index] < bar:
        index += towards
    inner = index - towards
    return float(np.interp(bar, log[[inner, index]], times[[inner, index]]))


def find_phases(
    steps: np.ndarray, loss: np.ndarray, null_loss: float, settings: CurveSettings
) -> Phases:
    """Divide a loss curve into phases.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Ascending from 0.
    loss : ndarray, shape (T,)
        Positive, but for rounding at its end.
    null_loss : float
        Loss of having learned nothing and forgotten the start.
    settings : CurveSettings

    Returns
    -------
    Phases
    """
    steps = np.asarray(steps, dtype=float)
    # One record at the floor belongs to the curve: a sudden drop lies between two records.
    end = above_floor(loss, settings.floor) + 1
    loss = np.maximum(loss, settings.floor * loss[0])
    last, missing = float(steps[-1]), float("nan")
    if end < 5:
        return Phases(0, missing, missing, null_loss, missing, missing, True, missing, last)
    times, rate = rates(steps[:end], loss[:end])
    ended = find_plateaus(times, rate, settings)
    first = ended[0] if ended else None
    if first is None and _first_at(steps, loss, 0.0, 0.5 * null_loss) is None:
        first = unended_plateau(times, rate, settings)
    level = null_loss if first is None else float(loss[first.slowest])
    after = 0.0 if first is None else first.begin
    half, high, low = (_first_at(steps, loss, after, share * level) for share in (0.5, 0.9, 0.1))
    return Phases(
        num_plateaus=len(ended),
        decay_end=missing if first is None else first.begin,
        plateau_end=ended[0].end if ended else missing,
        level=level,
        half_drop=missing if half is None else half,
        drop_steps=missing if high is None or low is None else low - high,
        censored=half is None,
        least_rate=_least_rate(rate),
        last_step=last,
    )


def _least_rate(rate: np.ndarray) -> float:
    """Return the least rate over the smaller one of the largest before and after it."""
    before = np.maximum.accumulate(rate)
    after = np.maximum.accumulate(rate[::-1])[::-1]
    beside = np.minimum(before, after)
    known = beside > 0
    return float(np.maximum(rate[known] / beside[known], 0.0).min()) if known.any() else 1.0


def _first_at(steps: np.ndarray, loss: np.ndarray, after: float, bar: float) -> float | None:
    """Return when the loss is first at a bar, between records by its logarithm; None if never."""
    found = np.flatnonzero((steps >= after) & (loss <= bar))
    if not found.size:
        return None
    index = int(found[0])
    if index == 0 or steps[index - 1] < after:
        return float(steps[index])
    high, low = np.log(loss[[index - 1, index]])
    share = (high - float(np.log(bar))) / (high - low)
    return float(steps[index - 1] + share * (steps[index] - steps[index - 1]))
