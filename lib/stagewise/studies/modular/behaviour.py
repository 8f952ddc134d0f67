"""How a run behaves: when it memorises, when it generalises, and how suddenly.

The grokking dialogue uses the word in two senses, a sudden generalisation and one long after
memorisation: the width of the rise and the delay keep them apart. Both sets are held to the same level,
and times are first passages: what a run loses again later, as in a slingshot, does not move them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan, log, nan

import numpy as np

from stagewise.studies.modular.thresholds import BehaviourSettings

OUTCOMES = ("generalise", "memorise", "fail")


@dataclass(frozen=True)
class Rise:
    """The rise of a curve between two levels; NaN where it does not rise.

    Parameters
    ----------
    start, middle, end : float
        Steps at which the lower level, the mean of both and the upper level are crossed, interpolated in
        log t.
    """

    start: float
    middle: float
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
    memorised, generalised : float
        When the training and the test set are first learned; NaN if the run ended before.
    train_rise, test_rise : Rise
        Of both accuracies.
    last_step : float
        Last step of the run, at which times are censored.
    """

    memorised: float
    generalised: float
    train_rise: Rise
    test_rise: Rise
    last_step: float

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`.

        A run that learns the test set generalises, whatever its training accuracy does.
        """
        if not isnan(self.generalised):
            return "generalise"
        return "fail" if isnan(self.memorised) else "memorise"

    @property
    def test_first(self) -> bool:
        """Whether the test set is learned before the training set."""
        return self.generalised < (inf if isnan(self.memorised) else self.memorised)

    @property
    def delay(self) -> float:
        """Grokking delay log(t_gen / t_mem); NaN if either is censored or at step 0."""
        return _log_ratio(self.generalised, self.memorised)

    @property
    def least_delay(self) -> float:
        """The delay, or where only t_gen is censored the bound log(last_step / t_mem)."""
        end = self.last_step if isnan(self.generalised) else self.generalised
        return _log_ratio(end, self.memorised)

    @property
    def lag(self) -> float:
        """How far the middle of the test accuracy's rise is behind the training accuracy's, in log t."""
        return _log_ratio(self.test_rise.middle, self.train_rise.middle)


def first_passage(steps: np.ndarray, accuracy: np.ndarray, level: float) -> float:
    """Return when an accuracy first is at a level, interpolated in log t; NaN if never.

    A crossing between step 0 and the next record is placed at that record, for step 0 has no logarithm.

    Parameters
    ----------
    steps, accuracy : ndarray, shape (T,)
        NaN accuracy, as of a run that diverged, reaches nothing.
    level : float

    Raises
    ------
    ValueError
        If the shapes disagree, there is no record, or steps are negative or do not increase.
    """
    steps, accuracy = _curve(steps, accuracy)
    reached = np.flatnonzero(accuracy >= level)
    return _crossing(steps, accuracy, int(reached[0]), level) if reached.size else nan


def find_rise(steps: np.ndarray, values: np.ndarray, start: float, end: float) -> Rise:
    """Return where a curve rises from one level to another.

    The rise ends at the first record at or above the upper level and starts at the last crossing of the
    lower level before it, so that what happens after (a later loss of the skill) and an early
    excursion do not widen it; so for the middle. Crossings are placed as by `first_passage`.

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
        All NaN if the upper level is never reached; the start is NaN if no record before it lies
        below the lower level.

    Raises
    ------
    ValueError
        As `first_passage`, or if the levels do not ascend.
    """
    steps, values = _curve(steps, values)
    if not start < end:
        raise ValueError(f"a rise goes up, not from {start} to {end}")
    above = np.flatnonzero(values >= end)
    if not above.size:
        return Rise(nan, nan, nan)
    last = int(above[0])
    begin, middle = (_last_crossing(steps, values, last, at) for at in (start, (start + end) / 2))
    return Rise(begin, middle, _crossing(steps, values, last, end))


def find_behaviour(
    steps: np.ndarray,
    train_accuracy: np.ndarray,
    test_accuracy: np.ndarray,
    settings: BehaviourSettings,
) -> Behaviour:
    """Return the times of one run from its accuracies, each of shape (T,).

    Times are interpolated between recorded steps, so their error is below the distance of records.
    """
    levels = settings.rise_start, settings.rise_end
    return Behaviour(
        memorised=first_passage(steps, train_accuracy, settings.learned),
        generalised=first_passage(steps, test_accuracy, settings.learned),
        train_rise=find_rise(steps, train_accuracy, *levels),
        test_rise=find_rise(steps, test_accuracy, *levels),
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


def _last_crossing(steps: np.ndarray, values: np.ndarray, last: int, level: float) -> float:
    """Return the last crossing of a level before a record; NaN if no record before lies below it."""
    below = np.flatnonzero(values[:last] < level)
    return _crossing(steps, values, int(below[-1]) + 1, level) if below.size else nan


def _crossing(steps: np.ndarray, values: np.ndarray, index: int, level: float) -> float:
    """Return when a level is crossed on the way to a record, in log t."""
    if index == 0 or steps[index - 1] == 0 or not np.isfinite(values[index - 1]):
        return float(steps[index])
    share = (level - values[index - 1]) / (values[index] - values[index - 1])
    return float(steps[index - 1] * (steps[index] / steps[index - 1]) ** share)


def _log_ratio(late: float, early: float) -> float:
    return log(late / early) if late > 0 and early > 0 else nan  # comparisons with NaN are false
