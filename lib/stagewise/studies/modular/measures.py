"""One row of measures a run: how it behaved, and what it has learned in the end."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.stores.checkpoints import Checkpoints
from stagewise.studies.modular.behaviour import find_behaviour
from stagewise.studies.modular.circuits import distance_irrelevance, find_circuits
from stagewise.studies.modular.early import fit_early
from stagewise.studies.modular.fourier import learned_modes, losses_without_mode
from stagewise.studies.modular.networks import activations, logits, loss_function
from stagewise.studies.modular.program import Setting
from stagewise.studies.modular.settings import Program
from stagewise.studies.modular.task import pairs_of, split
from stagewise.studies.modular.thresholds import MeasureSettings

_CURVES = (
    *("train_accuracy", "test_accuracy", "train_loss", "train_margin", "weight_norm"),
    "diverged_step",
)
_SETTING = ("modulus", "train_fraction", "labels", "architecture", "optimiser", "loss", "embed_dim")


def measure_setting(
    setting: Setting,
    curves: xr.Dataset,
    checkpoints: Checkpoints,
    constants: MeasureSettings,
    study: StreamKey,
) -> pd.DataFrame:
    """Measure every run of a setting.

    Parameters
    ----------
    setting : Setting
    curves : Dataset
        Layout `modular.layout.CURVES`.
    checkpoints : Checkpoints
        The last one is the end of training.
    constants : MeasureSettings
    study : StreamKey
        Key above the streams of all replicas.

    Returns
    -------
    DataFrame
        One row a replica, in their order; layout `modular.layout.RUNS` but for the
        column ``experiment``. What does not apply to a run is NaN.
    """
    program = setting.program
    shared = {name: program.attributes()[name] for name in _SETTING} | {
        "setting": setting.name,
        "frozen": bool(getattr(program.network, "freeze_sides", False)),
        "batch_size": program.batch_size or program.task.num_train,
        "momentum": program.momentum,
        "num_steps": program.num_steps,
    }
    recorded = {name: curves[name].to_numpy() for name in _CURVES}
    steps = curves["step"].to_numpy()
    rows = []
    for index, replica in enumerate(setting.replicas):
        own = {name: values[index] for name, values in recorded.items()}
        params = checkpoints.of(-1, index)
        row = {
            **shared,
            **{name: getattr(replica, name) for name in _REPLICA},
            "diverged": bool(own["diverged_step"] >= 0),
            **_times(steps, own, constants),
            **_early(own, program, constants),
        }
        row |= dict.fromkeys(_STRUCTURE, nan)
        if row["outcome"] == "generalise" and not row["diverged"]:
            _, test = split(program.task, replica.key(study))
            row |= _structure(program, params, test, constants)
        rows.append(row)
    return pd.DataFrame(rows)


_REPLICA = ("learning_rate", "weight_decay", "initial_scale", "seed")
_EARLY = ("early_slope", "early_correlation", "early_error", "early_records")
_STRUCTURE = ("num_learned", "clocks", "pizzas", "distance_irrelevance")


def _times(
    steps: np.ndarray, curves: Mapping[str, np.ndarray], constants: MeasureSettings
) -> dict[str, Any]:
    """Return outcome and times of a run; a time that was not reached is NaN."""
    test = curves["test_accuracy"]
    found = find_behaviour(steps, curves["train_accuracy"], test, constants)
    return {
        "outcome": found.outcome,
        "memorised_step": found.memorised,
        "generalised_step": found.generalised,
        **{f"train_rise_{name}": at for name, at in vars(found.train_rise).items()},
        **{f"rise_{name}": at for name, at in vars(found.test_rise).items()},
        "rise_width": found.test_rise.width,
        "delay": found.delay,
        "least_delay": found.least_delay,
        "lag": found.lag,
        "test_first": found.test_first,
        "train_accuracy": float(curves["train_accuracy"][-1]),
        "test_accuracy": float(test[-1]),
        "initial_norm": float(curves["weight_norm"][0]),
        "final_norm": float(curves["weight_norm"][-1]),
    }


def _early(
    curves: Mapping[str, np.ndarray], program: Program, constants: MeasureSettings
) -> dict[str, float]:
    """Return the early measures of a cross-entropy, of which they are a law."""
    if program.loss != "cross_entropy":
        return dict.fromkeys(_EARLY, nan)
    loss, margin = curves["train_loss"], curves["train_margin"]
    found = fit_early(loss, margin, program.task.modulus, constants.early_fall)
    return {
        "early_slope": found.slope,
        "early_correlation": found.correlation,
        "early_error": found.largest_error,
        "early_records": float(found.num_records),
    }


@torch.no_grad()
def _structure(
    program: Program, params: Params, test: Batch, constants: MeasureSettings
) -> dict[str, float]:
    """Return which modes a network that generalises has learned, and how they are used.

    Even moduli have no modes of two waves each, so nothing is found.
    """
    modulus = program.task.modulus
    if modulus % 2 == 0 or modulus < 3:
        return {}
    loss_fn = loss_function(program)
    without = losses_without_mode(loss_fn, params, test, modulus)
    learned = learned_modes(without, loss_fn(params, test), constants.mode_factor)
    modes = [int(mode) + 1 for mode in learned.nonzero().flatten()]
    pairs, square = pairs_of(program.task), (modulus, modulus)
    read = activations(params, program.network, pairs).unflatten(0, square)
    kinds = [circuit.kind for circuit in find_circuits(read, modes) if not circuit.confounded]
    outputs = logits(params, program.network, pairs)
    correct = outputs.gather(1, (pairs.sum(1) % modulus)[:, None]).reshape(square)
    return {
        "num_learned": float(len(modes)),
        "clocks": float(kinds.count("clock")),
        "pizzas": float(kinds.count("pizza")),
        "distance_irrelevance": distance_irrelevance(correct),
    }
