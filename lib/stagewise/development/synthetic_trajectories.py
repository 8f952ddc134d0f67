"""Trajectories of known answer: processes without forms, and paths with one form at a known time.

Principal components of many processes without any development turn and oscillate (Antognini and
Sohl-Dickstein 2018; Shinn 2023; Hoogland et al. 2024, Appendix B.7). A detector of forms is asked
what it finds there before it judges a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.signal

NUM_FINE = 2001
"""Moments at which a process is simulated before it is recorded at checkpoints."""

NUM_COMPONENTS = 3

MOMENTUM, DECAY = 0.97, 0.995
"""Shares of a velocity and of a displacement that last from one moment to the next."""


def random_walk(
    clock: np.ndarray, rng: np.random.Generator, dimension: int = 16, momentum: bool = False
) -> np.ndarray:
    """Leading components of a Gaussian random walk, or of an Ornstein-Uhlenbeck process.

    Parameters
    ----------
    clock : ndarray, shape (T,)
        Share of the process that has passed at each checkpoint, from 0 to 1: its pace.
    rng : numpy.random.Generator
    dimension : int
        Dimensions in which the process moves.
    momentum : bool
        Whether the velocity persists and the position is pulled back, as under an optimiser with
        momentum in a valley.

    Returns
    -------
    ndarray, shape (T, 3)
        Principal component scores at the checkpoints.
    """
    noise = rng.standard_normal((NUM_FINE, dimension))
    if momentum:
        noise = scipy.signal.lfilter([1.0], [1.0, -MOMENTUM], noise, axis=0)
    path = scipy.signal.lfilter([1.0], [1.0, -(DECAY if momentum else 1.0)], noise, axis=0)
    return _components(_at(clock, path))


def travelling_wave(clock: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Leading components of a bump that moves over features, where phantom oscillations come from.

    Source: Shinn (2023). Parameters and result are those of `random_walk`.
    """
    place = np.linspace(0.0, 2.0, 80)
    fine = np.linspace(0.0, 1.0, NUM_FINE)
    path = np.exp(-0.5 * ((place - fine[:, None] - 0.5) / 0.1) ** 2)
    return _components(_at(clock, path * rng.uniform(0.5, 1.5, place.size)))


def even(steps: np.ndarray) -> np.ndarray:
    """Clock of a process that is equally fast at every step."""
    return steps / steps[-1]


def slowing(steps: np.ndarray) -> np.ndarray:
    """Clock of a process that is equally fast in log(1 + step), as a run slows down."""
    return np.log1p(steps) / np.log1p(steps[-1])


def in_bursts(steps: np.ndarray) -> np.ndarray:
    """Clock of a process that moves in two bursts and pauses between, as a run with stages does."""
    clock = slowing(steps)
    bursts = np.tanh((clock - 0.45) / 0.05) + np.tanh((clock - 0.8) / 0.05) + 0.2 * clock
    return (bursts - bursts[0]) / (bursts[-1] - bursts[0])


NULLS: Mapping[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "walk, even, 256 dimensions": lambda steps, rng: random_walk(even(steps), rng, 256),
    "walk, slowing": lambda steps, rng: random_walk(slowing(steps), rng),
    "walk, in bursts": lambda steps, rng: random_walk(in_bursts(steps), rng),
    "pulled, with momentum": lambda steps, rng: random_walk(slowing(steps), rng, momentum=True),
    "the same, 64 dimensions": lambda steps, rng: random_walk(slowing(steps), rng, 64, True),
    "travelling wave": lambda steps, rng: travelling_wave(slowing(steps), rng),
}
"""Processes without forms, by name: functions of the steps of checkpoints and a generator."""


def turning_back(steps: np.ndarray, time: float) -> np.ndarray:
    """Path that comes to rest and goes back as it came: an exact form, as large as the path.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps.
    time : float
        Step of the form.

    Returns
    -------
    ndarray, shape (T, 3)
        Scores. Every component is of second order in the distance of log step from the form.
    """
    s = _progress(steps, time)
    return np.stack([s**2, 0.5 * s**4, 0.3 * (s**2 - 2 * s**6)], axis=1)


def opening_cusp(steps: np.ndarray, time: float) -> np.ndarray:
    """Path with a cusp whose branches part again: a form of half the size of the path.

    Parameters and result are those of `turning_back`.
    """
    s = _progress(steps, time)
    return np.stack([s**2, 0.6 * s**3, 0.4 * s**2 - 0.3 * s**3], axis=1)


PLANTED: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "turns back": turning_back,
    "cusp that opens": opening_cusp,
}
"""Paths with one form, by name."""


def disturbed(
    path: np.ndarray, share: float, steps: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Add a slowing random walk whose size is a share of the path's."""
    walk = random_walk(slowing(steps), rng)
    return path + share * walk * _size(path) / _size(walk)


def _progress(steps: np.ndarray, time: float) -> np.ndarray:
    return np.tanh(np.log(np.maximum(steps, 1.0) / time) / 1.5)


def _size(path: np.ndarray) -> float:
    return float(np.linalg.norm(path - path.mean(axis=0)))


def _at(clock: np.ndarray, path: np.ndarray) -> np.ndarray:
    fine = np.linspace(0.0, 1.0, NUM_FINE)
    return np.stack([np.interp(clock, fine, column) for column in path.T], axis=1)


def _components(path: np.ndarray) -> np.ndarray:
    left, values, _ = np.linalg.svd(path - path.mean(axis=0), full_matrices=False)
    return left[:, :NUM_COMPONENTS] * values[:NUM_COMPONENTS]
