"""Training: one loop over the updates of any number of networks, which goes on after a kill.

What is recorded on the way goes to a journal a segment at a time, with the state to go on from. Batches
are functions of the step, so that a continuation is bit-identical to an undisturbed run.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from stagewise.core.descent import Descent
from stagewise.core.progress import Heartbeat

logger = logging.getLogger(__name__)

State = Mapping[str, Tensor]
"""All that changes from update to update, by name."""

Recorded = Mapping[str, Mapping[int, np.ndarray]]
"""What was recorded, by name and step."""


@dataclass(frozen=True)
class Recorder:
    """What a run keeps of itself, and when.

    Parameters
    ----------
    steps : collection of int
        Step s is the state after s updates.
    observe : callable
        ``observe(descent, step) -> mapping of str to ndarray``: what is kept of a state, by name.
    """

    steps: Collection[int]
    observe: Callable[[Descent, int], Mapping[str, np.ndarray]]


class Journal(Protocol):
    """Where a run keeps its state and what it recorded, to go on from after a kill."""

    segment_steps: int
    """Updates between two saves."""

    def load(self) -> tuple[int, State] | None:
        """Return the step to go on with and the state before it is recorded; None for a new run."""

    def save(self, step: int, state: State, recorded: Recorded) -> None:
        """Keep a state, and what was recorded since the last call."""

    def blocks(self, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Return steps and values (step, ...) recorded under a name, in pieces, ascending."""


class Memory:
    """A journal that ends with the process."""

    segment_steps = sys.maxsize

    def __init__(self) -> None:
        self._recorded: Recorded = {}

    def load(self) -> None:
        """Return None: every run is new."""

    def save(self, step: int, state: State, recorded: Recorded) -> None:
        """Keep what was recorded; called once, at the end."""
        self._recorded = recorded

    def blocks(self, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Return steps and values recorded under a name, in one piece."""
        rows = self._recorded.get(name, {})
        if rows:
            yield np.fromiter(rows, dtype=np.int64), np.stack(list(rows.values()))


def train(
    descent: Descent, num_steps: int, recorders: Sequence[Recorder], journal: Journal
) -> None:
    """Make all updates, or those that are left to an interrupted run.

    Parameters
    ----------
    descent : Descent
        At its start; at its end afterwards.
    num_steps : int
        Number of updates T.
    recorders : sequence of Recorder
        Those of one step observe it in this order.
    journal : Journal
        Holds afterwards all that was recorded.

    Raises
    ------
    FloatingPointError
        If a loss stops being finite and the descent does not go on without that network.
    """
    kept = journal.load()
    start = 0
    if kept:
        start = kept[0]
        descent.restore(kept[1])
        logger.info("continuing from step %d", min(start, num_steps))
    recorded: dict[str, dict[int, np.ndarray]] = {}
    heartbeat = Heartbeat("training step", num_steps, start=start)
    for step in range(start, num_steps + 1):
        if start < step < num_steps and step % journal.segment_steps == 0:
            journal.save(step, descent.state, recorded)
            recorded = {}
        for recorder in recorders:
            if step in recorder.steps:
                for name, row in recorder.observe(descent, step).items():
                    recorded.setdefault(name, {})[step] = row
        if step < num_steps and descent.alive.any():
            losses = descent.advance(step)
            if (step + 1) % 50 == 0:
                heartbeat.beat(step + 1, f"loss {losses.nanmedian():.4f}")
    if start <= num_steps:  # a finished run stands at the step after the last
        journal.save(num_steps + 1, descent.state, recorded)


def gathered(journal: Journal, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all steps and values (step, ...) that a journal holds under a name."""
    steps, values = zip(*journal.blocks(name), strict=True)
    return np.concatenate(steps), np.concatenate(values)
