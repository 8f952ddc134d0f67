"""Training: one loop over the updates of any number of networks, which goes on after a kill.

What is recorded on the way goes to a journal a segment at a time, with the state to go on from. Batches
are functions of the step, so that a continuation is bit-identical to an undisturbed run.
"""

from __future__ import annotations

import itertools
import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from stagewise.core.descent import Descent
from stagewise.core.progress import Heartbeat

logger = logging.getLogger(__name__)

BEAT_STEPS = 50
"""Updates after which a run may say how far it is."""

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
    stops = _stops(start, num_steps, [*(r.steps for r in recorders), _every(journal, num_steps)])
    for step, stop in itertools.pairwise([*stops, num_steps + 1]):
        if start < step < num_steps and step % journal.segment_steps == 0:
            journal.save(step, descent.state, recorded)
            recorded = {}
        for recorder in recorders:
            if step in recorder.steps:
                for name, row in recorder.observe(descent, step).items():
                    recorded.setdefault(name, {})[step] = row
        if step < num_steps:
            losses = descent.advance_to(step, stop)
            if losses is not None and stop % BEAT_STEPS == 0:
                heartbeat.beat(stop, f"loss {losses.nanmedian():.4f}")
    if start <= num_steps:  # a finished run stands at the step after the last
        journal.save(num_steps + 1, descent.state, recorded)


def _every(journal: Journal, num_steps: int) -> range:
    return range(0, num_steps, journal.segment_steps)


def _stops(start: int, num_steps: int, wanted: Iterable[Iterable[int]]) -> list[int]:
    """Return where training stops: to save, to record, to say how far it is, and at the end."""
    beats = range(0, num_steps, BEAT_STEPS)
    stops = {start, num_steps, *beats, *itertools.chain.from_iterable(wanted)}
    return sorted(step for step in stops if start <= step <= num_steps)


def gathered(journal: Journal, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all steps and values (step, ...) that a journal holds under a name."""
    steps, values = zip(*journal.blocks(name), strict=True)
    return np.concatenate(steps), np.concatenate(values)
