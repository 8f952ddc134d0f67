"""When things happen during training: learning rates, checkpoints and the subset used for LLCs.

All schedules are pure functions of the settings, so the workflow knows every checkpoint before any
training has run.
"""

from __future__ import annotations

import numpy as np


def linear_steps(num_steps: int, count: int) -> np.ndarray:
    """Return `count` evenly spaced steps from 0 to `num_steps`, ends included, as sorted int64."""
    return np.unique(np.rint(np.linspace(0, num_steps, count)).astype(np.int64))


def logarithmic_steps(num_steps: int, count: int) -> np.ndarray:
    """Return `count` log-spaced steps from 1 to `num_steps`.

    Small steps coincide after rounding; the grid is refined until `count` distinct ones remain.

    Raises
    ------
    ValueError
        If there are not `count` distinct steps between 1 and `num_steps`.
    """
    if count > num_steps:
        raise ValueError(f"cannot place {count} logarithmic checkpoints in {num_steps} steps")
    steps = np.empty(0, dtype=np.int64)
    for points in range(count, 50 * count + num_steps + 1):
        steps = np.unique(np.rint(np.geomspace(1, num_steps, points)).astype(np.int64))
        if len(steps) >= count:
            break
    # A refinement may overshoot by one or two: drop the earliest, where the grid is densest.
    return steps[len(steps) - count :] if len(steps) > count else steps


def checkpoint_steps(num_steps: int, num_linear: int, num_logarithmic: int) -> np.ndarray:
    """Return the checkpoints of a run: linear and logarithmic steps together (Hoogland et al., E.2).

    Both ends are always among them. Steps in both grids count once, so the result may be shorter
    than ``num_linear + num_logarithmic``.
    """
    return np.union1d(
        np.array([0, num_steps]),
        np.union1d(
            linear_steps(num_steps, num_linear), logarithmic_steps(num_steps, num_logarithmic)
        ),
    )


def nested_subset(steps: np.ndarray, count: int) -> np.ndarray:
    """Order `steps` so that every prefix covers the run evenly, and return the first `count`.

    Farthest-point order in the rank of a checkpoint: the two ends, then always the one farthest from
    those chosen. A larger `count` only appends, so a finer LLC grid keeps every estimate already
    made. Counts 2^k + 1 give the evenest grids.

    Parameters
    ----------
    steps : ndarray of int, shape (checkpoint,)
        Sorted checkpoint steps.
    count : int
        How many to take; more than there are takes all.

    Returns
    -------
    ndarray of int, shape (min(count, checkpoint),)
        In order of choice, not of time.
    """
    rank = np.arange(len(steps))
    chosen = [0]
    distance = np.abs(rank - 0)
    while len(chosen) < min(count, len(steps)):
        farthest = int(np.argmax(distance))
        chosen.append(farthest)
        distance = np.minimum(distance, np.abs(rank - farthest))
    return np.asarray(steps)[chosen]


def shards(items: np.ndarray, shard_size: int) -> list[list[int]]:
    """Cut `items` into consecutive lists of `shard_size` (the last may be shorter)."""
    return [
        [int(item) for item in items[start : start + shard_size]]
        for start in range(0, len(items), shard_size)
    ]
