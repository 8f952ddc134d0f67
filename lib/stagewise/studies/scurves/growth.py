"""Rank 1: how the irrelevant part decays and the aligned part grows (the post's "Rank-1 learning")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats


@dataclass(frozen=True)
class Growth:
    """Decay and growth of one run; times in the units given.

    Parameters
    ----------
    orthogonal_half : float
        When the part orthogonal to the truth has halved; NaN if never.
    aligned_start : float
        When the aligned part is least before it is half its final size: 0 if it grows from the start.
    aligned_half : float
        When it is half its final size.
    early_linear : bool
        While the orthogonal part halves, a line describes the aligned part better than an exponential.
    later_exponential : bool
        From its least size, or the halving if later, to three tenths of its final size, an exponential
        describes it better than a line.
    levels_off : bool
        Over the last tenth of the run the aligned part changes by less than a hundredth.
    orthogonal_ratio : float
        Orthogonal part at the end over that at the start.
    """

    orthogonal_half: float
    aligned_start: float
    aligned_half: float
    early_linear: bool
    later_exponential: bool
    levels_off: bool
    orthogonal_ratio: float

    @property
    def decay_first(self) -> bool:
        """Whether the orthogonal part halves before the aligned part has half grown."""
        return bool(self.orthogonal_half < self.aligned_half)


def find_growth(times: np.ndarray, aligned: np.ndarray, norm: np.ndarray) -> Growth:
    """Follow both parts of a pair of learned vectors.

    The aligned part is the mean over components, each with the sign that it ends with.

    Parameters
    ----------
    times : ndarray, shape (T,)
        Ascending from 0.
    aligned, norm : ndarray, shape (T, component)
        Part along the target and length of each learned vector.
    """
    size = (aligned * np.sign(aligned[-1])).mean(-1)
    orthogonal = np.sqrt(np.clip(norm**2 - aligned**2, 0, None).mean(-1))
    halved = np.flatnonzero(orthogonal <= 0.5 * orthogonal[0])
    grown = np.flatnonzero(size >= 0.5 * size[-1])
    split = int(halved[0]) if halved.size else len(times) - 1
    least = int(np.argmin(size[: grown[0] + 1]))
    start = max(split, least)
    begun = np.flatnonzero(size >= 0.3 * size[-1])
    tenth = np.searchsorted(times, 0.9 * times[-1])
    return Growth(
        orthogonal_half=float(times[split]) if halved.size else float("nan"),
        aligned_start=float(times[least]),
        aligned_half=float(times[grown[0]]),
        early_linear=_line_is_better(times[: split + 1], size[: split + 1]),
        later_exponential=not _line_is_better(
            times[start : begun[0] + 1], size[start : begun[0] + 1], if_short=True
        ),
        levels_off=bool(abs(size[-1] - size[tenth]) < 0.01 * abs(size[-1])),
        orthogonal_ratio=float(orthogonal[-1] / orthogonal[0]),
    )


def _line_is_better(times: np.ndarray, size: np.ndarray, if_short: bool = False) -> bool:
    """Return whether a line leaves less of the variance than an exponential; both have two parameters.

    An exponential has no sign change: a part that passes through zero speaks for the line.
    """
    if len(times) < 4 or not np.ptp(size) > 0:
        return if_short
    if (size <= 0).any():
        return True
    line = scipy.stats.linregress(times, size)
    curve = scipy.stats.linregress(times, np.log(size))
    fitted = np.exp(curve.intercept + curve.slope * times)
    errors = [((size - y) ** 2).sum() for y in (line.intercept + line.slope * times, fitted)]
    return bool(errors[0] < errors[1])
