"""Gradients along training: whether samples agree, and how near the edge of stability they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.stores.checkpoints import Checkpoints
from stagewise.studies.modular.agreement import (
    gradient_along,
    mean_cosine,
    mean_cross_cosine,
    sample_gradients,
    unit_gradients,
)
from stagewise.studies.modular.along import Measure, measured_along
from stagewise.studies.modular.fourier import (
    generalising_direction,
    learned_modes,
    losses_without_mode,
)
from stagewise.studies.modular.layout import GRADIENTS
from stagewise.studies.modular.networks import loss_function
from stagewise.studies.modular.program import Setting
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.sharpness import measure_sharpness, stability_bound
from stagewise.studies.modular.task import split

LAYOUT = GRADIENTS
"""Of what `along` returns."""


def along(
    setting: Setting,
    checkpoints: Checkpoints,
    study: StreamKey,
    seeds: Sequence[int],
    factor: float,
) -> xr.Dataset:
    """Measure the gradients of some runs of a setting at every checkpoint.

    Parameters
    ----------
    setting : Setting
    checkpoints : Checkpoints
    study : StreamKey
        Key above the streams of all replicas.
    seeds : sequence of int
        Of the setting's first case.
    factor : float
        The generalising direction leads to the modes without which the test loss is more than so many
        times as large at the end of training.

    Returns
    -------
    Dataset
        Layout `modular.layout.GRADIENTS`; the signal-to-noise ratio is NaN where no
        mode is learned in the end, and at the end itself, where the direction is gone.
    """

    def measure_of(seed: int) -> Measure:
        replica, final = setting.replicas[seed], _double(checkpoints.of(-1, seed))
        key = replica.key(study)
        sets = split(setting.program.task, key)
        modes = _learned(setting.program, final, sets[1], factor)
        return partial(_gradients_at, setting.program, replica, final, sets, modes, key)

    return measured_along(setting, checkpoints, seeds, measure_of, LAYOUT)


def _double(params: Params) -> Params:
    return {name: value.double() for name, value in params.items()}


@torch.no_grad()
def _learned(program: Program, params: Params, test: Batch, factor: float) -> list[int]:
    loss_fn = loss_function(program)
    without = losses_without_mode(loss_fn, params, test, program.task.modulus)
    learned = learned_modes(without, loss_fn(params, test), factor)
    return [int(mode) + 1 for mode in learned.nonzero().flatten()]


def _gradients_at(
    program: Program,
    replica: Replica,
    final: Params,
    sets: tuple[Batch, Batch],
    modes: list[int],
    key: StreamKey,
    step: int,
    params: Params,
) -> dict[str, float]:
    train, test = sets
    params, lanczos = _double(params), key.child("lanczos", step)
    loss_fn, layout = loss_function(program), ParameterLayout.of(params)
    vector = layout.flatten(params)
    units = unit_gradients(loss_fn, layout, vector, train)
    within, across = (
        mean_cosine(units),
        mean_cross_cosine(units, unit_gradients(loss_fn, layout, vector, test)),
    )
    modulus = program.task.modulus
    direction = generalising_direction(layout, params, final, modulus, modes)
    along = gradient_along(loss_fn, layout, vector, train, direction)
    adaptive = program.optimiser != "sgd"
    scale = adam_scale(program, replica, loss_fn, layout, vector, train) if adaptive else None
    plain_bound = stability_bound(replica.learning_rate, program.momentum)
    plain = measure_sharpness(loss_fn, layout, vector, train, lanczos, plain_bound)
    sharp = plain
    if adaptive:
        bound = stability_bound(replica.learning_rate, program.betas[0], averaged=True)
        sharp = measure_sharpness(loss_fn, layout, vector, train, lanczos, bound, scale)
    return {
        "cosine": within.value,
        "cosine_stderr": within.standard_error,
        "cross_cosine": across.value,
        "cross_cosine_stderr": across.standard_error,
        "signal_to_noise": along.signal_to_noise,
        # The error of the deviation, of order 1 / sqrt(2 n) of the ratio, is left out: ratios are small.
        "signal_to_noise_stderr": along.standard_error / along.deviation
        if along.deviation
        else np.nan,
        "sharpness": plain.largest,
        "sharpness_ratio": sharp.ratio,
    }


def adam_scale(
    program: Program,
    replica: Replica,
    loss_fn: LossFunction,
    layout: ParameterLayout,
    vector: Tensor,
    data: Batch,
) -> Tensor:
    """Return Adam's factor of each parameter's step, 1 / (sqrt(v) + eps), shape (num_parameters,).

    v is the mean of the squared gradient of a batch at these parameters, to which Adam's second
    moment tends while parameters move little: the square of the full gradient and, for batches of B
    drawn with replacement, the samples' variance over B. Weight decay that is part of the gradient
    ("adam") counts.

    Parameters
    ----------
    program : Program
    replica : Replica
    loss_fn : callable
    layout : ParameterLayout
    vector : Tensor, shape (num_parameters,)
    data : tuple of Tensor
        The training set.
    """
    total, squares = torch.zeros_like(vector), torch.zeros_like(vector)
    for gradients in sample_gradients(loss_fn, layout, vector, data, 256):
        total += gradients.sum(0)
        squares += gradients.square().sum(0)
    mean = total / len(data[0])
    variance = squares / len(data[0]) - mean.square()
    if program.optimiser == "adam":
        mean = mean + replica.weight_decay * vector
    noise = variance.clamp_min(0) / program.batch_size if program.batch_size else 0.0
    return 1 / ((mean.square() + noise).sqrt() + program.epsilon)
