"""The segments of a finished training run, merged into the stores that others read."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from stagewise.core.replicas import ParameterLayout
from stagewise.stores.files import atomic_path, chained_digest, open_store, write_attributes


def merge_segments(
    segments: list[Path],
    layout: ParameterLayout,
    checkpoints: str | Path,
    trajectory: str | Path,
    identity: str,
    attributes: Mapping[str, Any],
) -> None:
    """Merge the segments of a finished run into its checkpoint and trajectory stores.

    Parameters
    ----------
    segments : list of Path
        From `core.training.train`.
    layout : ParameterLayout
    checkpoints, trajectory : path
        Stores to write. `checkpoints`: one dataset a parameter, shape (checkpoint, *shape), with
        `step`, `digest` and the last optimiser state. `trajectory`: `outputs`, shape
        (step, feature), chunked along features for streaming.
    identity : str
    attributes : mapping
        Provenance.
    """
    attributes = {**attributes, "identity": identity}
    with atomic_path(checkpoints) as temporary, h5py.File(temporary, "w") as handle:
        write_attributes(handle, {**attributes, "parameter_names": list(layout.names)})
        _merge_checkpoints(handle, segments, layout, identity)
    with atomic_path(trajectory) as temporary, h5py.File(temporary, "w") as handle:
        write_attributes(handle, attributes)
        _merge_trajectory(handle, segments)


def _rows(segments: Iterable[Path], kind: str) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    for segment in segments:
        with open_store(segment) as handle:
            if f"{kind}/values" in handle:
                yield handle[f"{kind}/step"][:], handle[f"{kind}/values"][:]


def _merge_checkpoints(
    handle: h5py.File, segments: list[Path], layout: ParameterLayout, identity: str
) -> None:
    steps: list[int] = []
    digests: list[str] = []
    parameters = handle.create_group("parameters")
    for name, shape in zip(layout.names, layout.shapes, strict=True):
        parameters.create_dataset(
            name, shape=(0, *shape), maxshape=(None, *shape), chunks=(1, *shape), dtype="float32"
        )
    for new_steps, vectors in _rows(segments, "checkpoint"):
        for step, vector in zip(new_steps, vectors, strict=True):
            params = layout.unflatten(torch.from_numpy(vector))
            arrays = [value.numpy() for value in params.values()]
            digests.append(chained_digest(digests[-1] if digests else identity, int(step), arrays))
            steps.append(int(step))
            for name, array in zip(layout.names, arrays, strict=True):
                parameters[name].resize(len(steps), axis=0)
                parameters[name][-1] = array
    handle["step"] = np.array(steps, dtype=np.int64)
    handle["digest"] = digests
    with open_store(segments[-1]) as last:
        for name in ("first_moment", "second_moment"):
            handle[f"optimiser/{name}"] = last[f"state/{name}"][0]


def _merge_trajectory(
    handle: h5py.File, segments: list[Path], rows: int = 256, columns: int = 1024
) -> None:
    steps = np.concatenate([steps for steps, _ in _rows(segments, "trajectory")])
    outputs = None
    filled = 0
    for _, values in _rows(segments, "trajectory"):
        if outputs is None:
            shape = (len(steps), values.shape[1])
            chunks = (min(rows, shape[0]), min(columns, shape[1]))
            outputs = handle.create_dataset(
                "outputs", shape=shape, chunks=chunks, dtype=values.dtype
            )
        outputs[filled : filled + len(values)] = values
        filled += len(values)
    handle["step"] = steps


def discard_partial(partial: Path) -> None:
    """Remove the segments once the stores that they were merged into exist."""
    shutil.rmtree(partial, ignore_errors=True)
