"""The models on which calibration is shown to work unattended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lib.calibration import Subject
from lib.llc import full_loss
from lib.modular.model import NetworkSettings, initial_parameters
from lib.modular.study import ModularRun, TrainingSettings
from lib.modular.task import TaskSettings
from lib.reference_models import reduced_rank_regression
from lib.regression.study import RegressionRun
from lib.seeding import StreamKey


def transformer(
    run: RegressionRun,
    path_to_checkpoints: str,
    steps: Sequence[int],
    num_samples: int,
    identity: str,
) -> Subject:
    """Return a run of the regression study at some of its checkpoints.

    Parameters
    ----------
    run : RegressionRun
    path_to_checkpoints : str
    steps : sequence of int
        In the order of time.
    num_samples : int
        n of the fixed set.
    identity : str
        Identity of the run, which the store must have.
    """
    loss_fn, data = run.llc_target("all_positions", num_samples)
    checkpoints = {step: run.params_at(path_to_checkpoints, step, identity) for step in steps}
    return Subject(
        "transformer", loss_fn, data, checkpoints, full_loss(loss_fn, run.initial(), data)
    )


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
