"""Checkpoints on disk: the parameters of networks along training.

The HDF5 file of one network holds a dataset ``parameters/<name>`` of shape (checkpoint, ...) for each
parameter, and ``step``. A program of several networks is a group of the same form, with shapes
(checkpoint, replica, ...). Either carries the identity of its run, and a chain of digests that begins
with it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import Params
from stagewise.stores.files import (
    Attributes,
    StoreError,
    open_store,
    write_attributes,
    writing_hdf5,
)

Rows = Iterable[tuple[int, Mapping[str, np.ndarray]]]
"""Steps, ascending, and the named parameters at each."""


@dataclass(frozen=True)
class Checkpoints:
    """Parameters of all networks of a program along training.

    Parameters
    ----------
    steps : ndarray of int, shape (checkpoint,)
    params : dict of str to Tensor, each of shape (checkpoint, replica, ...)
    """

    steps: np.ndarray
    params: Params

    def of(self, index: int, replica: int) -> Params:
        """Return one network's parameters at a checkpoint, by its position."""
        return {name: values[index, replica] for name, values in self.params.items()}

    def at(self, step: int, replica: int) -> Params:
        """Return one network's parameters at a step that is among the checkpoints."""
        return self.of(self.steps.tolist().index(step), replica)

    def rows(self) -> Rows:
        """Return what `write_programs` takes."""
        for index, step in enumerate(self.steps.tolist()):
            yield step, {name: values[index].numpy() for name, values in self.params.items()}


def write_checkpoints(
    path: str | Path,
    rows: Rows,
    identity: str,
    attributes: Attributes,
    optimiser: Mapping[str, np.ndarray],
) -> None:
    """Write the checkpoints of one network and the optimiser's last state, atomically."""
    with writing_hdf5(path) as handle:
        write_attributes(handle, attributes)
        _fill(handle, rows, identity)
        for name, values in optimiser.items():
            handle[f"optimiser/{name}"] = values


def write_programs(
    path: str | Path, programs: Mapping[str, tuple[str, Rows]], attributes: Attributes
) -> None:
    """Write the checkpoints of several programs, atomically, each with its identity, by group."""
    with writing_hdf5(path) as handle:
        write_attributes(handle, attributes)
        for name, (identity, rows) in programs.items():
            _fill(handle.create_group(name), rows, identity)


def _fill(target: h5py.Group, rows: Rows, identity: str) -> None:
    steps: list[int] = []
    digests = [identity]
    for step, params in rows:
        if not steps:
            write_attributes(target, {"identity": identity, "parameter_names": list(params)})
        for name, values in params.items():
            if not steps:
                target.create_dataset(
                    f"parameters/{name}",
                    shape=(0, *values.shape),
                    maxshape=(None, *values.shape),
                    chunks=(1, *values.shape),
                    dtype=values.dtype,
                )
            stored = target["parameters"][name]
            stored.resize(len(steps) + 1, axis=0)
            stored[-1] = values
        digests.append(_digest(digests[-1], step, list(params.values())))
        steps.append(step)
    target["step"] = np.array(steps, dtype=np.int64)
    target["digest"] = digests[1:]


def checkpoint_index(path: str | Path) -> np.ndarray:
    """Return the steps of the checkpoints of one network, int64, ascending."""
    with open_store(path) as handle:
        return handle["step"][:]


def read_checkpoint(
    path: str | Path,
    step: int,
    identity: str | None = None,
    group: str | None = None,
    replica: int | None = None,
) -> dict[str, np.ndarray]:
    """Read the parameters at one step and verify their digest.

    Parameters
    ----------
    path : str or Path
    step : int
    identity : str, optional
        Identity that the checkpoints must carry.
    group : str, optional
        Program of a file that holds several.
    replica : int, optional
        One network of a program; all of them without it.

    Returns
    -------
    dict of str to ndarray
        Named parameters in the network's own order.

    Raises
    ------
    StoreError
        As `open_store`, and if the group or the step is absent or the contents do not match the digest.
    """
    with _opened(path, identity, group) as stored:
        matches = np.flatnonzero(stored["step"][:] == step)
        if not len(matches):
            raise StoreError(f"{path} has no checkpoint at step {step}")
        params = _verified(stored, int(matches[0]), path)
    return params if replica is None else {name: v[replica] for name, v in params.items()}


def read_checkpoints(path: str | Path, identity: str, group: str) -> Checkpoints:
    """Read all checkpoints of a program and verify their digests; raises as `read_checkpoint`."""
    with _opened(path, identity, group) as stored:
        steps = stored["step"][:]
        rows = [_verified(stored, index, path) for index in range(len(steps))]
    params = {name: torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0]}
    return Checkpoints(steps, params)


def params_reader(
    path: str | Path,
    identity: str,
    device: str = "cpu",
    group: str | None = None,
    replica: int | None = None,
) -> Callable[[int], Params]:
    """Return the function from a step to a network's parameters on a device, read when it is called.

    Parameters are those of `read_checkpoint`, and so are the errors.
    """

    def params_at(step: int) -> Params:
        arrays = read_checkpoint(path, step, identity, group, replica)
        return {name: torch.from_numpy(value).to(device) for name, value in arrays.items()}

    return params_at


def network_along(
    path: str | Path, identity: str, device: str
) -> tuple[tuple[int, ...], Callable[[int], Params]]:
    """Return the steps of the checkpoints of one network, and the function that reads its parameters."""
    return tuple(checkpoint_index(path).tolist()), params_reader(path, identity, device)


def each_checkpoint(path: str | Path, identity: str, device: str) -> Iterator[tuple[int, Params]]:
    """Yield the steps of one network with its parameters, in the order of time, with a heartbeat."""
    steps, params_at = network_along(path, identity, device)
    heartbeat = Heartbeat("checkpoint", len(steps))
    for count, step in enumerate(steps, start=1):
        yield step, params_at(step)
        heartbeat.beat(count)


@contextlib.contextmanager
def _opened(path: str | Path, identity: str | None, group: str | None) -> Iterator[h5py.Group]:
    with open_store(path, identity if group is None else None) as handle:
        if group is None:
            yield handle
            return
        if group not in handle:
            raise StoreError(f"{path} has no setting {group!r}: delete it and run again")
        found = handle[group].attrs["identity"]
        if identity is not None and found != identity:
            raise StoreError(
                f"{path}: {group!r} belongs to run identity {found}, expected {identity}: "
                "delete it and run again"
            )
        yield handle[group]


def _verified(stored: h5py.Group, index: int, path: str | Path) -> dict[str, np.ndarray]:
    names = json.loads(stored.attrs["parameter_names"])
    params = {name: stored["parameters"][name][index] for name in names}
    step, digests = int(stored["step"][index]), stored["digest"].asstr()
    previous = digests[index - 1] if index else stored.attrs["identity"]
    if digests[index] != _digest(previous, step, list(params.values())):
        raise StoreError(
            f"{path}: the parameters at step {step} do not match their digest: "
            "delete the file and run again"
        )
    return params


def _digest(previous: str, step: int, arrays: Sequence[np.ndarray]) -> str:
    """Return the digest of a checkpoint given that of the one before it."""
    state = hashlib.sha256(f"{previous}:{step}".encode())
    for array in arrays:
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
