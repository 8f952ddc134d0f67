"""Models on which calibration is shown to work unattended: built, or trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.calibration import Subject
from lib.llc import full_loss
from lib.modular.model import NetworkSettings, initial_parameters
from lib.modular.study import ModularRun, TrainingSettings
from lib.modular.task import TaskSettings
from lib.reference_models import reduced_rank_regression
from lib.seeding import StreamKey


def reduced_rank(settings: Mapping[str, Any], key: StreamKey) -> Subject:
    """Return a reduced rank regression at its true parameters, the only checkpoint.

    Parameters
    ----------
    settings : mapping
        Arguments of `lib.reference_models.reduced_rank_regression`.
    key : StreamKey
        Names the samples.
    """
    return Subject.of_reference(reduced_rank_regression(**settings, key=key))


def modular(settings: Mapping[str, Any], shares: Sequence[float], key: StreamKey) -> Subject:
    """Train a small modular-addition network and return it at some shares of its training.

    Parameters
    ----------
    settings : mapping
        Sections ``task``, ``network`` and ``training`` of `lib.modular`.
    shares : sequence of float
        From 0 to 1, in the order of time.
    key : StreamKey
        Key above all streams of the run.
    """
    task, network = TaskSettings(**settings["task"]), NetworkSettings(**settings["network"])
    training = TrainingSettings(**settings["training"])
    run = ModularRun(task, network, training, key)
    checkpoints = run.train([round(share * training.num_steps) for share in shares])
    data, _ = run.data()
    untrained = full_loss(run.loss, initial_parameters(network, task, key), data)
    return Subject("modular", run.loss, data, checkpoints, untrained)
