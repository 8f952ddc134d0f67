"""A small modular-addition network, trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.calibration import Swept
from stagewise.studies.modular.networks import loss_function
from stagewise.studies.modular.settings import NetworkSettings, Program, Replica, TaskSettings
from stagewise.studies.modular.task import split
from stagewise.studies.modular.training import train


def swept(
    paths: Mapping[str, str],
    *,
    model: Mapping[str, Any],
    shares: Sequence[float],
    root_seed: int,
    **rest: object,
) -> Swept:
    """Train the network and return it at some shares of its training.

    Parameters
    ----------
    paths : mapping
        None: there are no files.
    model : mapping
        Sections ``task``, ``network`` and ``training`` of `studies.modular`.
    shares : sequence of float
        From 0 to 1, in the order of time.
    root_seed : int

    Raises
    ------
    FloatingPointError
        If the loss stops being finite.
    """
    key = StreamKey(root_seed, ("calibration", "modular"))
    task, network = TaskSettings(**model["task"]), NetworkSettings(**model["network"])
    own, streams = dict(model["training"]), key.child("model")
    replica = Replica("modular", 0, own.pop("learning_rate"), own.pop("weight_decay"))
    program = Program(task, network, **own)
    steps = [round(share * program.num_steps) for share in shares]
    trained = train(program, [replica], streams, [program.num_steps], [0, *steps])
    if trained.records["diverged_step"][0] >= 0:
        raise FloatingPointError(
            "the loss is not finite: lower calibration.modular.model.training.learning_rate"
        )
    samples, _ = split(task, replica.key(streams))
    checkpoints = {step: trained.checkpoints.at(step, 0) for step in dict.fromkeys((0, *steps))}
    built = Subject.of_checkpoints("modular", checkpoints, loss_function(program), samples)
    return Swept(built, tuple(steps), key.child("sgld"))
