"""The LLC of modular-addition networks along training, by the instrument that all studies share."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from typing import Any

import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.seeding import StreamKey
from stagewise.llc.diagnostics import judge_all, locality
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.checkpoints import Checkpoints
from stagewise.studies.modular.networks import loss_function
from stagewise.studies.modular.program import Setting
from stagewise.studies.modular.settings import Program
from stagewise.studies.modular.task import split


def llc_along(
    setting: Setting,
    checkpoints: Checkpoints,
    study: StreamKey,
    seed: int,
    sampler: Mapping[str, Any],
) -> xr.Dataset:
    """Estimate and judge the LLC of one run of a setting at every checkpoint.

    Parameters
    ----------
    setting : Setting
    checkpoints : Checkpoints
    study : StreamKey
        Key above the streams of all replicas; chains meet the same noise at every checkpoint.
    seed : int
        Of the setting's first case.
    sampler : mapping
        Arguments of `llc.settings.SGLDConfig` without ``n_beta``, which is n / log(n) for the n training
        pairs (Watanabe 2013).

    Returns
    -------
    Dataset
        Layout `llc.layout.LLC`.
    """
    program, replica = setting.program, setting.replicas[seed]
    data, _ = split(program.task, replica.key(study))
    size = len(data[0])
    config = SGLDConfig(**sampler, n_beta=size / log(size))
    loss_fn = loss_function(program)
    heartbeat = Heartbeat("checkpoint", len(checkpoints.steps))
    estimates = []
    for index, step in enumerate(checkpoints.steps):
        params = checkpoints.of(index, seed)
        estimate = estimate_llc(loss_fn, params, data, config, key=replica.key(study).child("sgld"))
        estimates.append(estimate.expand_dims(step=[int(step)]))
        heartbeat.beat(index + 1)
    joined = xr.concat(estimates, "step", combine_attrs="drop_conflicts")
    untrained, constant = float(joined.init_loss[0]), _constant_loss(program)
    judged = joined.merge(locality(joined, untrained, constant))
    judged = judged.merge(judge_all(joined, untrained))
    judged.attrs = {**joined.attrs, "setting": setting.name, "seed": seed, "num_samples": size}
    return judged


def _constant_loss(program: Program) -> float:
    """Return the loss of the best constant predictor, which gives every residue its share 1 / p."""
    p = program.task.modulus
    return log(p) if program.loss == "cross_entropy" else (p - 1) / p**2
