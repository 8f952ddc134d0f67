"""Many modular-addition networks trained as one tensor program.

Replicas share shapes, the optimiser and the number of updates, and differ in seed, learning rate,
weight decay and initial scale. Each has its own split, initial parameters and batches, named by its
own key, so it ends where it would have ended alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import ceil

import torch
import xarray as xr
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.core.updates import update_rule
from stagewise.studies.modular.program import is_prime
from stagewise.studies.modular.records import Recorder
from stagewise.studies.modular.resume import Partial, State, identity_of
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.stacked import (
    AT_ONCE,
    BatchRows,
    Pairs,
    all_pairs,
    frozen_names,
    initial_parameters,
    stacked_logits,
    stacked_losses,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What is left of a program that has run.

    Parameters
    ----------
    records : Dataset
        Curves with dimensions (replica, step) and ``diverged_step`` (replica,).
    checkpoints : dict of int to dict of str to Tensor
        Parameters at each checkpoint step, of shape (replica, ...), frozen ones included; NaN for
        replicas that have diverged.
    """

    records: xr.Dataset
    checkpoints: dict[int, Params]

    def params_of(self, step: int, replica: int) -> Params:
        """Return one replica's parameters at a checkpoint."""
        return {name: values[replica] for name, values in self.checkpoints[step].items()}


def train(
    program: Program,
    replicas: Sequence[Replica],
    study: StreamKey,
    record_steps: Collection[int],
    checkpoint_steps: Collection[int] = (),
    partial: Partial | None = None,
) -> Trained:
    """Train all replicas of a program, or go on where an interrupted call stopped.

    A replica whose loss is not finite is marked with that step, drops out of the records from then
    on and leaves the others alone.

    Parameters
    ----------
    program : Program
    replicas : sequence of Replica
    study : StreamKey
        Key above the streams of all replicas.
    record_steps, checkpoint_steps : collection of int
        From 0 to num_steps; step s is the state after s updates.
    partial : Partial, optional
        Where to keep the state on the way, and to find that of an interrupted call.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If there is no replica, or if a step lies outside the run.
    """
    _check(program, replicas, record_steps, checkpoint_steps)
    running = _Running(program, replicas, study, record_steps, checkpoint_steps)
    start = running.load(partial) if partial else 0
    heartbeat = Heartbeat("training step", program.num_steps, start=start)
    for step in range(start, program.num_steps + 1):
        if partial and step > start and partial.is_due(step):
            running.save(partial, step)
        running.visit(step)
        if step > 0 and step % 50 == 0:
            heartbeat.beat(step)
    if partial and start <= program.num_steps:
        running.save(partial, program.num_steps + 1)
    return running.result()


class _Running:
    """A program between two steps: its descent and what has been kept of it so far."""

    def __init__(
        self,
        program: Program,
        replicas: Sequence[Replica],
        study: StreamKey,
        record_steps: Collection[int],
        checkpoint_steps: Collection[int],
    ) -> None:
        self.program, self.replicas, self.study = program, replicas, study
        records, self.kept = sorted(set(record_steps)), sorted(set(checkpoint_steps))
        keys = [replica.key(study) for replica in replicas]
        pairs = all_pairs(program, keys)
        initial = initial_parameters(program, replicas, keys)
        self.descent = _Descent(program, replicas, keys, pairs, initial)
        self.recorder = Recorder(program, pairs, tuple(initial), records)
        self.checkpoints: dict[int, Params] = {}
        self.identity = identity_of(program, replicas, study, records, self.kept)

    def visit(self, step: int) -> None:
        """Record the state at a step and make the update to the next, if there is one."""
        params, descent = self.descent.params, self.descent
        descent.mark(step, ~self.recorder.observe(step, params, descent.alive))
        if step in self.kept:
            self.checkpoints[step] = {name: value.clone() for name, value in params.items()}
        if step < self.program.num_steps and descent.alive.any():
            descent.advance(step)

    def save(self, partial: Partial, step: int) -> None:
        """Keep the state before a step is visited."""
        parts = {"descent": self.descent.state(), "records": self.recorder.state()}
        partial.save(self.identity, {"step": step, **parts, "checkpoints": self.checkpoints})

    def load(self, partial: Partial) -> int:
        """Take over a state that was kept, if there is one, and return the step to go on with."""
        saved = partial.load(self.identity)
        if saved is None:
            return 0
        self.descent.restore(saved["descent"])
        self.recorder.restore(saved["records"])
        self.checkpoints = saved["checkpoints"]
        logger.info("continuing from step %d", min(saved["step"], self.program.num_steps))
        return int(saved["step"])

    def result(self) -> Trained:
        """Return what is left of the program."""
        lost = self.descent.diverged_step >= 0
        if lost.any():
            logger.warning("%d of %d replicas diverged", int(lost.sum()), len(lost))
        records = self.recorder.dataset(self.replicas, self.descent.diverged_step, self.study.root)
        return Trained(records.assign_attrs(identity=self.identity), self.checkpoints)


def _check(
    program: Program,
    replicas: Sequence[Replica],
    record_steps: Collection[int],
    checkpoint_steps: Collection[int],
) -> None:
    if not replicas:
        raise ValueError("replicas is empty: a program needs at least one")
    for name, steps in (("record_steps", record_steps), ("checkpoint_steps", checkpoint_steps)):
        outside = [step for step in steps if not 0 <= step <= program.num_steps]
        if outside:
            raise ValueError(f"{name} has {outside[0]}, outside 0 to {program.num_steps}")
    if not is_prime(program.task.modulus):
        logger.warning(
            "modulus %d is not prime: Fourier modes do not all look alike", program.task.modulus
        )


class _Descent:
    """Updates the replicas' parameters in place and knows which of them have diverged."""

    def __init__(
        self,
        program: Program,
        replicas: Sequence[Replica],
        keys: Sequence[StreamKey],
        pairs: Pairs,
        initial: Params,
    ) -> None:
        frozen = frozen_names(program.network, initial)
        free = {name: values for name, values in initial.items() if name not in frozen}
        layout = ParameterLayout.of({name: values[0] for name, values in free.items()})
        self.vectors = vectors = layout.flatten(free)
        self.params = initial | layout.unflatten(vectors)
        self.diverged_step = torch.full((len(replicas),), -1)
        num_train = program.task.num_train
        together = max(1, AT_ONCE // ((program.batch_size or num_train) * program.task.modulus))
        size = ceil(len(replicas) / ceil(len(replicas) / together))  # groups as even as can be
        self.groups = []
        for first in range(0, len(replicas), size):
            some = slice(first, first + size)
            own = {name: values[some] for name, values in self.params.items()}
            train_set = pairs.part(some, slice(num_train))
            self.groups.append(
                _Group(program, replicas[some], keys[some], train_set, layout, vectors[some], own)
            )

    @property
    def alive(self) -> Tensor:
        """Which replicas have not diverged, shape (replica,)."""
        return self.diverged_step < 0

    def state(self) -> State:
        """Return all that changes on the way."""
        moments = [list(group.update.moments) for group in self.groups]
        return {"vectors": self.vectors, "moments": moments, "diverged_step": self.diverged_step}

    def restore(self, state: State) -> None:
        """Take over a state."""
        self.vectors.copy_(state["vectors"])
        for group, moments in zip(self.groups, state["moments"], strict=True):
            for own, saved in zip(group.update.moments, moments, strict=True):
                own.copy_(saved)
        for step in state["diverged_step"].unique().tolist():
            if step >= 0:
                self.mark(step, state["diverged_step"] == step)

    def advance(self, step: int) -> None:
        """Make the update from a step to the next; a replica whose loss is not finite is marked."""
        losses = torch.cat([group.advance(step) for group in self.groups])
        self.mark(step, ~losses.isfinite())

    def mark(self, step: int, lost: Tensor) -> None:
        """Mark replicas as diverged at a step, unless they were so before."""
        new = lost & self.alive
        if new.any():
            self.diverged_step[new] = step
            for values in self.params.values():  # from which no update leads back
                values[new] = torch.nan


class _Group:
    """So many replicas that one update's numbers stay in the processor's cache."""

    def __init__(
        self,
        program: Program,
        replicas: Sequence[Replica],
        keys: Sequence[StreamKey],
        train_set: Pairs,
        layout: ParameterLayout,
        vectors: Tensor,
        params: Params,
    ) -> None:
        # `params` are views of `vectors`, which updates change, and the frozen ones, outside of it.
        self.program, self.params = program, params
        self.layout, self.train_set = layout, train_set
        numbers = [(replica.learning_rate, replica.weight_decay) for replica in replicas]
        rates, decays = torch.tensor(numbers, dtype=program.dtype).split(1, dim=1)
        self.update = update_rule(program.update_settings, vectors, rates, decays)
        size, num_train = program.batch_size, program.task.num_train
        self.rows = None if size is None else BatchRows(keys, num_train, size)

    def advance(self, step: int) -> Tensor:
        """Make an update and return the losses before it, shape (replica,)."""
        batch = self.train_set if self.rows is None else self.train_set.rows(self.rows.at(step))
        leaves = {
            name: self.params[name].detach().contiguous().requires_grad_()
            for name in self.layout.names
        }
        outputs = stacked_logits(
            self.params | leaves, self.program.network, batch.left, batch.right
        )
        losses = stacked_losses(outputs, batch.labels, self.program.loss)
        # Replicas share nothing, so the gradient of the sum of losses is each one's own.
        gradients = torch.autograd.grad(losses.sum(), list(leaves.values()))
        named = dict(zip(leaves, gradients, strict=True))
        self.update(self.layout.flatten(named), step + 1)
        return losses.detach()
