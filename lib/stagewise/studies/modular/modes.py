"""Fourier modes along training: how much of each is there, and what it does for the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.stores.checkpoints import Checkpoints
from stagewise.studies.modular.along import Measure, measured_along
from stagewise.studies.modular.fourier import (
    ModulusError,
    learned_modes,
    losses_with_one_mode,
    losses_without_mode,
    mode_powers,
    num_modes,
    pair_power_shares,
    power_shares,
)
from stagewise.studies.modular.layout import MODES
from stagewise.studies.modular.networks import activations, loss_function
from stagewise.studies.modular.program import Setting
from stagewise.studies.modular.settings import Program
from stagewise.studies.modular.task import pairs_of, split

LAYOUT = MODES
"""Of what `along` returns."""


def along(
    setting: Setting,
    checkpoints: Checkpoints,
    study: StreamKey,
    seeds: Sequence[int],
    factor: float,
) -> xr.Dataset:
    """Follow the Fourier modes of some runs of a setting.

    Parameters
    ----------
    setting : Setting
    checkpoints : Checkpoints
    study : StreamKey
        Key above the streams of all replicas.
    seeds : sequence of int
        Of the setting's first case.
    factor : float
        A mode is learned if the test loss without it is more than so many times as large.

    Returns
    -------
    Dataset
        Layout `modular.layout.MODES`.

    Raises
    ------
    ModulusError
        If the modulus is even: its modes do not all have two waves.
    """
    modulus = setting.program.task.modulus
    if modulus % 2 == 0:
        raise ModulusError(
            f"setting {setting.name!r} has the even modulus {modulus}: leave it out of "
            "modular.modes.settings, or choose an odd one"
        )

    def measure_of(seed: int) -> Measure:
        _, test = split(setting.program.task, setting.replicas[seed].key(study))
        return lambda step, params: _modes_at(setting.program, params, test, factor)

    modes = {"mode": np.arange(1, num_modes(modulus) + 1)}
    return measured_along(setting, checkpoints, seeds, measure_of, LAYOUT, modes)


@torch.no_grad()
def _modes_at(
    program: Program, params: Params, test: Batch, factor: float
) -> dict[str, np.ndarray]:
    modulus = program.task.modulus
    loss_fn = loss_function(program)
    embedding = params["embedding"]
    residues = embedding[:modulus]
    test_loss = loss_fn(params, test)
    without = losses_without_mode(loss_fn, params, test, modulus)
    read = activations(params, program.network, pairs_of(program.task))
    constant = torch.cat([residues.mean(0).expand_as(residues), embedding[modulus:]])
    found = {
        "power": mode_powers(residues)[1:],
        "power_share": power_shares(residues),
        "read_share": pair_power_shares(read.unflatten(0, (modulus, modulus))),
        "loss_with_mode": losses_with_one_mode(loss_fn, params, test, modulus),
        "loss_without_mode": without,
        "learned": learned_modes(without, test_loss, factor),
        "loss_without_modes": loss_fn({**params, "embedding": constant}, test),
        "test_loss": test_loss,
    }
    return {name: value.numpy() for name, value in found.items()}
