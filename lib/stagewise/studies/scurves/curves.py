"""The shape of a loss curve: initial decay, plateaus, drop.

Everything is read off the slope ``s = -d log L / d log t``: the initial decay ends, and a plateau
begins, where s falls below a share of its largest value so far; the plateau ends where s is above it
again. A stretch that never ends is none: a power law keeps its slope, and a converged run stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stagewise.core.derivatives import slope_of
from stagewise.studies.scurves.thresholds import CurveSettings


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
        Loss where the first plateau's slope is least; without a plateau, the zero tensor's loss.
    half_drop : float
        First step after the initial decay at which the loss is half the level.
    drop_steps : float
        Steps from 90 to 10 % of the level.
    censored : bool
        The run ended before the half-drop.
    least_slope : float
        Least slope before the steepest one (all along if censored), as a share of the largest before
        it: 1 if the fall never slows down and speeds up again, whatever counts as a plateau.
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
    least_slope: float
    last_step: float

    @property
    def length_ratio(self) -> float:
        """Half-drop time over end of the initial decay: 1 without a plateau, a bound if censored."""
        if np.isnan(self.decay_end):
            return 1.0
        return (self.last_step if self.censored else self.half_drop) / self.decay_end

    @property
    def length_steps(self) -> float:
        """Steps from the end of the initial decay to the half-drop: 0 without a plateau."""
        if np.isnan(self.decay_end):
            return 0.0
        return (self.last_step if self.censored else self.half_drop) - self.decay_end


def above_floor(loss: np.ndarray, floor: float) -> int:
    """Return how many of the first points lie above `floor` times the first one."""
    below = np.flatnonzero(~(loss > floor * loss[0]))
    return int(below[0]) if below.size else len(loss)


def plateaus(steps: np.ndarray, slope: np.ndarray, settings: CurveSettings) -> list[list[float]]:
    """Return begin and end of every plateau; the end is infinite for one that never ends.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Positive, ascending.
    slope : ndarray, shape (T,)
        ``-d log L / d log t``.
    settings : CurveSettings
    """
    found: list[list[float]] = []
    largest, inside = -np.inf, False
    for step, value in zip(steps, slope, strict=True):
        bar = settings.plateau_share * largest
        if not inside and largest > 0 and value < bar:
            found.append([float(step), np.inf])
            inside = True
        elif inside and value >= bar:
            begin, inside = found[-1][0], False
            found[-1][1] = float(step)
            if step < settings.min_plateau_factor * begin:
                found.pop()
            else:
                largest = value
        if not inside:
            largest = max(largest, value)
    return found


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
    end = above_floor(loss, settings.floor)
    last = float(steps[-1])
    if end < 4:
        missing = float("nan")
        return Phases(0, missing, missing, null_loss, missing, missing, True, missing, last)
    slope = -slope_of(steps[:end], loss[:end])["dlog_dlogt"].to_numpy()[1:]
    intervals = plateaus(steps[1:end], slope, settings)
    ended = [pair for pair in intervals if np.isfinite(pair[1])]
    level, begin, finish = null_loss, float("nan"), float("nan")
    first = ended[0] if ended else None
    if first is None and _first_at(steps, loss, 0.0, 0.5 * null_loss) is None and intervals:
        first = intervals[0]  # the run ended on its plateau
    if first is not None:
        begin, finish = first[0], first[1] if np.isfinite(first[1]) else float("nan")
        inside = np.flatnonzero((steps[1:end] >= begin) & (steps[1:end] <= first[1]))
        level = float(loss[1 + inside[np.argmin(slope[inside])]])
    after = 0.0 if np.isnan(begin) else begin
    half, high, low = (_first_at(steps, loss, after, share * level) for share in (0.5, 0.9, 0.1))
    drop = float("nan") if high is None or low is None else low - high
    return Phases(
        num_plateaus=len(ended),
        decay_end=begin,
        plateau_end=finish,
        level=level,
        half_drop=float("nan") if half is None else half,
        drop_steps=drop,
        censored=half is None,
        least_slope=_least_slope(slope if half is None else slope[: slope.argmax() + 1]),
        last_step=last,
    )


def _least_slope(slope: np.ndarray) -> float:
    largest = np.maximum.accumulate(slope)
    known = largest > 0
    return float((slope[known] / largest[known]).min()) if known.any() else 1.0


def _first_at(steps: np.ndarray, loss: np.ndarray, after: float, bar: float) -> float | None:
    """Return when the loss is first at a bar, between records by its logarithm; None if never."""
    found = np.flatnonzero((steps >= after) & (loss <= bar))
    if not found.size:
        return None
    index = int(found[0])
    if index == 0 or steps[index - 1] < after:
        return float(steps[index])
    high, low = (float(np.log(max(value, 1e-300))) for value in loss[[index - 1, index]])
    share = (high - float(np.log(bar))) / (high - low)
    return float(steps[index - 1] + share * (steps[index] - steps[index - 1]))
