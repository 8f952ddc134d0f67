"""Models on which calibration is shown to work unattended: built, or trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.exact.reference_models import reduced_rank_regression
from stagewise.llc.calibration import Subject
from stagewise.llc.estimate import full_loss
from stagewise.studies.modular.model import cross_entropy
from stagewise.studies.modular.settings import NetworkSettings, Program, Replica, TaskSettings
from stagewise.studies.modular.task import split
from stagewise.studies.modular.training import train


def reduced_rank(settings: Mapping[str, Any], key: StreamKey) -> Subject:
    """Return a reduced rank regression at its true parameters, the only checkpoint.

    Parameters
    ----------
    settings : mapping
        Arguments of `exact.reference_models.reduced_rank_regression`.
    key : StreamKey
        Names the samples.
    """
    return Subject.of_reference(reduced_rank_regression(**settings, key=key))


def modular(settings: Mapping[str, Any], shares: Sequence[float], key: StreamKey) -> Subject:
    """Train a small modular-addition network and return it at some shares of its training.

    Parameters
    ----------
    settings : mapping
        Sections ``task``, ``network`` and ``training`` of `studies.modular`.
    shares : sequence of float
        From 0 to 1, in the order of time.
    key : StreamKey
        Key above all streams of the run.

    Raises
    ------
    FloatingPointError
        If the loss stops being finite.
    """
    task, network = TaskSettings(**settings["task"]), NetworkSettings(**settings["network"])
    own = dict(settings["training"])
    replica = Replica("modular", 0, own.pop("learning_rate"), own.pop("weight_decay"))
    program = Program(task, network, **own)
    steps = [round(share * program.num_steps) for share in shares]
    trained = train(program, [replica], key, [program.num_steps], [0, *steps])
    if trained.records["diverged_step"][0] >= 0:
        raise FloatingPointError(
            "the loss is not finite: lower calibration.modular.model.training.learning_rate"
        )
    data, _ = split(task, replica.key(key))

    def loss(params: Params, batch: Batch) -> Tensor:
        return cross_entropy(params, network, batch)

    untrained = full_loss(loss, trained.checkpoints.at(0, 0), data)
    checkpoints = {step: trained.checkpoints.at(step, 0) for step in steps}
    return Subject("modular", loss, data, checkpoints, untrained)
