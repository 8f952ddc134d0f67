"""Bumps of alignment, and learned vectors that compete for a target (comments on the S-curves post)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy.signal


@dataclass(frozen=True)
class Bump:
    """A local maximum of |cosine|: index of the record, of the learned vector, of the target."""

    record: int
    vector: int
    target: int


@dataclass(frozen=True)
class Competition:
    """A stretch of records in which two learned vectors grow towards one best target."""

    start: int
    end: int
    vectors: tuple[int, int]
    target: int


def find_bumps(cosine: np.ndarray, prominence: float) -> list[Bump]:
    """Return the local maxima of |cosine| of at least a prominence (scipy.signal.find_peaks).

    Parameters
    ----------
    cosine : ndarray, shape (record, vector, target)
    prominence : float

    Returns
    -------
    list of Bump
        By vector, target and time.
    """
    size = np.abs(cosine).astype(float)
    falls = (np.maximum.accumulate(size, axis=0) - size).max(0)
    found = []
    for vector, target in np.argwhere(falls >= prominence):  # no peak without a fall
        peaks, _ = scipy.signal.find_peaks(size[:, vector, target], prominence=prominence)
        found += [Bump(int(peak), int(vector), int(target)) for peak in peaks]
    return found


def find_competitions(cosine: np.ndarray, min_rise: float) -> list[Competition]:
    """Return the stretches in which two vectors compete.

    Both have their largest |cosine| with the same target throughout, both |cosines| grow at every
    record, and both rise by at least `min_rise` over the stretch.

    Parameters
    ----------
    cosine : ndarray, shape (record, vector, target)
    min_rise : float
    """
    size = np.abs(cosine).astype(float)
    best = size.argmax(-1)
    top = np.take_along_axis(size, best[..., None], -1)[..., 0]
    grows = (best[1:] == best[:-1]) & (np.diff(top, axis=0) > 0)
    found = []
    for one, two in combinations(range(size.shape[1]), 2):
        both = (best[1:, one] == best[1:, two]) & grows[:, one] & grows[:, two]
        edges = np.flatnonzero(np.diff(np.r_[False, both, False].astype(int)))
        for start, end in edges.reshape(-1, 2):
            rises = top[end, [one, two]] - top[start, [one, two]]
            if (rises >= min_rise).all():
                pair = (int(one), int(two))
                found.append(Competition(int(start), int(end), pair, int(best[end, one])))
    return found


def is_explained(bump: Bump, competitions: list[Competition]) -> bool:
    """Return whether the bump's vector competed for the bump's target before the peak."""
    return any(
        c.target == bump.target and bump.vector in c.vectors and c.start <= bump.record
        for c in competitions
    )
