"""A run of the modular-addition study as a subject: one seed of a setting's first case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from typing import Any

from stagewise.core.devices import require_device
from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.stores.checkpoints import params_reader
from stagewise.studies.modular.networks import loss_function
from stagewise.studies.modular.program import Setting, identity_of, study_key
from stagewise.studies.modular.settings import Program
from stagewise.studies.modular.task import split


def subject(
    name: str,
    settings: Mapping[str, Any],
    paths: Mapping[str, str],
    measured: Mapping[str, Any],
    *,
    root_seed: int,
    device: str,
    identity: str | None = None,
) -> Subject:
    """Return a trained network of the study; see `studies.subjects.subject_of`.

    Parameters
    ----------
    name : str
        Setting and seed, as in ``late-s0``.
    settings : mapping
        Complete entry of the setting.
    paths : mapping of str to str
        ``checkpoints`` of the setting's experiment.
    root_seed, device
        As there.
    measured, identity
        Not used: the loss is that of training, on the training pairs, and the identity that of the
        setting's program.
    """
    require_device(device)
    of, _, seed = name.rpartition("-s")
    setting, study, number = Setting.of(of, settings), study_key(root_seed), int(seed)
    steps = setting.record_steps, setting.checkpoint_steps
    program = identity_of(setting.program, setting.replicas, study, *steps)
    params_at = params_reader(paths["checkpoints"], program, device, group=of, replica=number)
    return network(setting, number, study, params_at, device)


def network(
    setting: Setting,
    seed: int,
    study: StreamKey,
    params_at: Callable[[int], Params],
    device: str = "cpu",
) -> Subject:
    """Return one network of a setting, given where its parameters come from."""
    program, replica = setting.program, setting.replicas[seed]
    pairs, _ = split(program.task, replica.key(study))
    return Subject(
        f"{setting.name}-s{seed}",
        tuple(setting.checkpoint_steps.tolist()),
        params_at,
        loss_function(program),
        tuple(part.to(device) for part in pairs),
        key=replica.key(study),
        constant_loss=constant_loss(program),
    )


def constant_loss(program: Program) -> float:
    """Return the loss of the best constant predictor, which gives every residue its share 1 / p."""
    p = program.task.modulus
    return log(p) if program.loss == "cross_entropy" else (p - 1) / p**2
