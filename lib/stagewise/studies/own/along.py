"""What is read off every checkpoint of one's own, one after the other: loss, norm and outputs."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.subject import Subject
from stagewise.llc.estimate import full_loss
from stagewise.stores.files import Attributes, write_attributes, writing_hdf5
from stagewise.studies.own.folder import OwnError
from stagewise.studies.own.layout import METRICS

_COLUMNS = 1024
"""Outputs in a chunk, which readers go through by features."""


def measure(subject: Subject, path_to_trajectory: str | Path, attributes: Attributes) -> xr.Dataset:
    """Return loss and norm at every checkpoint, and write the outputs on fixed samples.

    Parameters
    ----------
    subject : Subject
        With a ``function_vector``.
    path_to_trajectory : str or Path
        HDF5 file, ``outputs`` (step, feature) and ``step``, written atomically.
    attributes : mapping
        ``identity`` among them.

    Returns
    -------
    xarray.Dataset
        Layout `studies.own.layout.METRICS`.

    Raises
    ------
    OwnError
        If a checkpoint cannot be read, does not fit the module, or has a loss that is not finite.
    """
    losses, norms = [], []
    steps = np.array(subject.steps)
    heartbeat = Heartbeat("checkpoint", len(steps))
    with writing_hdf5(path_to_trajectory) as handle:
        write_attributes(handle, attributes)
        for row, step in enumerate(subject.steps):
            loss, norm, outputs = _at(subject, step)
            if not row:
                chunks = (min(256, len(steps)), min(_COLUMNS, outputs.size))
                shape = (len(steps), outputs.size)
                handle.create_dataset("outputs", shape=shape, chunks=chunks, dtype=outputs.dtype)
            handle["outputs"][row] = outputs
            losses.append(loss)
            norms.append(norm)
            heartbeat.beat(row + 1)
        handle["step"] = steps
    return METRICS.dataset({"test_loss": losses, "weight_norm": norms}, {"step": steps})


def _at(subject: Subject, step: int) -> tuple[float, float, np.ndarray]:
    """Return loss, norm and outputs at one step."""
    if subject.function_vector is None:
        raise OwnError(
            "the subject has no function_vector, whose trajectory essential dynamics looks at; give "
            "one to Subject, or build it with stagewise.subject_of_modules"
        )
    try:
        params = subject.params_at(step)
        buffers = subject.buffers_at(step) if subject.buffers_at else {}
        with torch.no_grad():
            loss = full_loss(subject.loss_at(step), params, subject.samples)
            outputs = subject.function_vector({**params, **buffers})
    except (ValueError, RuntimeError) as error:
        raise OwnError(f"step {step}: {' '.join(str(error).split())}") from error
    norm = sum(value.double().square().sum() for value in params.values()) ** 0.5
    if not np.isfinite([loss, float(norm)]).all() or not np.isfinite(outputs).all():
        raise OwnError(
            f"step {step}: the loss on the subject's samples is {loss:g} and the norm of the parameters "
            f"{float(norm):g}; parameters, loss and outputs must be finite: take the checkpoint "
            "away, or correct the factory"
        )
    return loss, float(norm), outputs


@contextlib.contextmanager
def one_sentence() -> Iterator[None]:
    """End a job whose user is at fault with the sentence alone, without the traceback above it."""
    try:
        yield
    except OwnError as error:
        logging.error("%s", error)
        sys.exit(1)
