"""A network's outputs along training, laid out for readers that go through them by features."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stagewise.core.training import Journal
from stagewise.stores.files import Attributes, write_attributes, writing_hdf5

_ROWS, _COLUMNS = 256, 1024
"""Largest chunk."""


def write_trajectory(
    path: str | Path,
    journal: Journal,
    identity: str,
    attributes: Attributes,
    name: str = "trajectory",
) -> None:
    """Write what a journal holds under a name, as ``outputs`` (step, feature), atomically."""
    steps = np.concatenate([steps for steps, _ in journal.blocks(name)])
    with writing_hdf5(path) as handle:
        write_attributes(handle, {**attributes, "identity": identity})
        filled = 0
        for own, values in journal.blocks(name):
            if not filled:
                shape = (len(steps), values.shape[1])
                chunks = (min(_ROWS, shape[0]), min(_COLUMNS, shape[1]))
                handle.create_dataset("outputs", shape=shape, chunks=chunks, dtype=values.dtype)
            handle["outputs"][filled : filled + len(own)] = values
            filled += len(own)
        handle["step"] = steps
