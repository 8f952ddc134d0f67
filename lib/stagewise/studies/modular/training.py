"""Many modular-addition networks trained as one tensor program.

Replicas share shapes, the optimiser and the number of updates, and differ in seed, learning rate,
weight decay and initial scale. Each has its own split, initial parameters and batches, named by its
own key, so it ends where it would have ended alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from stagewise.core import training
from stagewise.core.descent import Descent
from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.core.training import Journal, Memory, Recorder, gathered
from stagewise.stores.checkpoints import Checkpoints
from stagewise.studies.modular.descent import all_parameters, stacked_descent
from stagewise.studies.modular.program import identity_of, is_prime
from stagewise.studies.modular.records import curves_of, measurements
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.stacked import all_pairs, initial_parameters

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What is left of a program that has run.

    Parameters
    ----------
    records : Dataset
        Curves with dimensions (replica, step) and ``diverged_step`` (replica,).
    checkpoints : Checkpoints
        Frozen parameters included; NaN for replicas that have diverged.
    """

    records: xr.Dataset
    checkpoints: Checkpoints


def train(
    program: Program,
    replicas: Sequence[Replica],
    study: StreamKey,
    record_steps: Collection[int],
    checkpoint_steps: Collection[int] | None = None,
    journal: Journal | None = None,
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
        From 0 to num_steps; step s is the state after s updates. Without checkpoint steps the last one
        is kept.
    journal : Journal, optional
        Where to keep the state on the way, and to find that of an interrupted call.

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If there is no replica, or if a step lies outside the run.
    """
    checkpoint_steps = checkpoint_steps or [program.num_steps]
    _check(program, replicas, record_steps, checkpoint_steps)
    keys = [replica.key(study) for replica in replicas]
    pairs, initial = all_pairs(program, keys), initial_parameters(program, replicas, keys)
    descent = stacked_descent(program, replicas, keys, pairs, initial)
    layout = ParameterLayout.of({name: values[0] for name, values in initial.items()})

    def curves(descent: Descent, step: int) -> dict[str, np.ndarray]:
        values = measurements(program, all_parameters(program, initial, descent.vectors), pairs)
        descent.mark(step, values["train_loss"])
        for value in values.values():
            value[~descent.alive] = torch.nan
        return {name: value.numpy() for name, value in values.items()}

    def checkpoints(descent: Descent, step: int) -> dict[str, np.ndarray]:
        vectors = layout.flatten(all_parameters(program, initial, descent.vectors))
        vectors[~descent.alive] = torch.nan
        return {"checkpoint": vectors.numpy()}

    journal = journal or Memory()
    wanted = Recorder(set(record_steps), curves), Recorder(set(checkpoint_steps), checkpoints)
    training.train(descent, program.num_steps, wanted, journal)
    lost = ~descent.alive
    if lost.any():
        logger.warning("%d of %d replicas diverged", int(lost.sum()), len(lost))
    records = curves_of(journal, program, replicas, tuple(initial), descent.diverged_step)
    identity = identity_of(program, replicas, study, record_steps, checkpoint_steps)
    steps, vectors = gathered(journal, "checkpoint")
    kept = Checkpoints(steps, layout.unflatten(torch.from_numpy(vectors)))
    return Trained(records.assign_attrs(root_seed=study.root, identity=identity), kept)


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
