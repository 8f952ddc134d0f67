"""How a run behaves: when it memorises, when it generalises, and how suddenly.

The grokking dialogue uses the word in two senses, a sudden generalisation and one long after
memorisation: the width of the rise and the delay keep them apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, nan

import numpy as np

from stagewise.studies.modular.thresholds import BehaviourSettings

OUTCOMES = ("generalise", "memorise", "fail")


@dataclass(frozen=True)
class Reached:
    """When an accuracy is reached for good.

    Parameters
    ----------
    step : float
        First recorded step from which the accuracy holds for the rest of the run; NaN if censored.
    censored : bool
        Whether the run ended before that.
    first : float
        First recorded step at which it is reached, whether or not it holds; NaN if never. Far below
        `step`, it tells a run that loses again what it has learned.
    """

    step: float
    censored: bool
    first: float


@dataclass(frozen=True)
class Rise:
    """The rise of a curve between two levels; NaN where it does not rise.

    Parameters
    ----------
    start, end : float
        Steps at which the lower and the upper level are crossed, interpolated in log t.
    """

    start: float
    end: float

    @property
    def width(self) -> float:
        """Width in log t (natural logarithm): small if sudden."""
        return _log_ratio(self.end, self.start)


@dataclass(frozen=True)
class Behaviour:
    """Times of one run, in steps.

    Parameters
    ----------
    memorised, generalised : Reached
        When the training and the test set are learned.
    rise : Rise
        Of the test accuracy.
    last_step : float
        Last step of the run, at which times are censored.
    """

    memorised: Reached
    generalised: Reached
    rise: Rise
    last_step: float

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`.

        A run that learns the test set generalises, whatever its training accuracy does.
        """
        if not self.generalised.censored:
            return "generalise"
        return "fail" if self.memorised.censored else "memorise"

    @property
    def before_memorisation(self) -> bool:
        """Whether the test accuracy has risen before the training set is memorised."""
        memorised = inf if self.memorised.censored else self.memorised.step
        return self.rise.end < memorised

    @property
    def delay(self) -> float:
        """Grokking delay log(t_gen / t_mem); NaN if either is censored or at step 0."""
        return _log_ratio(self.generalised.step, self.memorised.step)

    @property
    def least_delay(self) -> float:
        """The delay, or where only t_gen is censored the bound log(last_step / t_mem)."""
        end = self.last_step if self.generalised.censored else self.generalised.step
        return _log_ratio(end, self.memorised.step)


def time_learned(steps: np.ndarray, accuracy: np.ndarray, learned: float) -> Reached:
    """Return when an accuracy is reached and holds for the rest of the run.

    Parameters
    ----------
    steps, accuracy : ndarray, shape (T,)
        NaN accuracy, as of a run that diverged, is not learned.
    learned : float

    Raises
    ------
    ValueError
        If the shapes disagree, there is no record, or steps are negative or do not increase.
    """
    steps, accuracy = _curve(steps, accuracy)
    holds = accuracy >= learned
    first = float(steps[holds.argmax()]) if holds.any() else nan
    if not holds[-1]:
        return Reached(nan, True, first)
    below = np.flatnonzero(~holds)
    return Reached(float(steps[below[-1] + 1 if below.size else 0]), False, first)


def find_rise(steps: np.ndarray, values: np.ndarray, start: float, end: float) -> Rise:
    """Return where a curve rises from one level to another.

    The rise ends at the first record at or above the upper level and starts at the last crossing of the
    lower level before it, so that what happens after (a later loss of the skill) and an early
    excursion do not widen it. Both crossings are interpolated linearly in log t. A crossing between
    step 0 and the next record is placed at that record, for step 0 has no logarithm.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Ascending from 0 or later.
    values : ndarray, shape (T,)
    start, end : float
        The levels.

    Returns
    -------
    Rise
        Both NaN if the upper level is never reached; the start is NaN if no record before it lies
        below the lower level.

    Raises
    ------
    ValueError
        As `time_learned`, or if the levels do not ascend.
    """
    steps, values = _curve(steps, values)
    if not start < end:
        raise ValueError(f"a rise goes up, not from {start} to {end}")
    above = np.flatnonzero(values >= end)
    if not above.size:
        return Rise(nan, nan)
    below = np.flatnonzero(values[: above[0]] < start)
    begin = _crossing(steps, values, int(below[-1]) + 1, start) if below.size else nan
    return Rise(begin, _crossing(steps, values, int(above[0]), end))


def find_behaviour(
    steps: np.ndarray,
    train_accuracy: np.ndarray,
    test_accuracy: np.ndarray,
    settings: BehaviourSettings,
) -> Behaviour:
    """Return the times of one run from its accuracies, each of shape (T,).

    Times are read at recorded steps, so their error is the distance of records.
    """
    return Behaviour(
        memorised=time_learned(steps, train_accuracy, settings.learned),
        generalised=time_learned(steps, test_accuracy, settings.learned),
        rise=find_rise(steps, test_accuracy, settings.rise_start, settings.rise_end),
        last_step=float(steps[-1]),
    )


def _curve(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if steps.ndim != 1 or steps.shape != values.shape or not steps.size:
        raise ValueError(
            f"a curve needs steps and values of one length; got {steps.shape} and {values.shape}"
        )
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must increase and must not be negative")
    return steps, values


def _crossing(steps: np.ndarray, values: np.ndarray, index: int, level: float) -> float:
    """Return when a level is crossed on the way to a record, in log t."""
    if index == 0 or steps[index - 1] == 0 or not np.isfinite(values[index - 1]):
        return float(steps[index])
    share = (level - values[index - 1]) / (values[index] - values[index - 1])
    return float(steps[index - 1] * (steps[index] / steps[index - 1]) ** share)


def _log_ratio(late: float, early: float) -> float:
    return log(late / early) if late > 0 and early > 0 else nan  # comparisons with NaN are false
