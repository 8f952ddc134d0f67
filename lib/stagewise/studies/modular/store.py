"""The checkpoints of an experiment: one HDF5 file with a group for each of its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch

from stagewise.core.replicas import Params
from stagewise.stores.files import (
    Attributes,
    StoreError,
    atomic_path,
    chained_digest,
    open_store,
    write_attributes,
)
from stagewise.studies.modular.training import Trained


@dataclass(frozen=True)
class Checkpoints:
    """Parameters of all replicas of a setting along training.

    Parameters
    ----------
    steps : ndarray of int, shape (checkpoint,)
    params : dict of str to Tensor, each of shape (checkpoint, replica, ...)
    """

    steps: np.ndarray
    params: Params

    def of(self, index: int, replica: int) -> Params:
        """Return one replica's parameters at a checkpoint, by its position."""
        return {name: values[index, replica] for name, values in self.params.items()}


def write_checkpoints(
    path: str | Path, trained: Mapping[str, Trained], attributes: Attributes
) -> None:
    """Write the checkpoints of every setting, atomically.

    A group carries the identity of its program and a chain of digests that begins with it.
    """
    with atomic_path(path) as temporary, h5py.File(temporary, "w") as handle:
        write_attributes(handle, attributes)
        for setting, one in trained.items():
            group = handle.create_group(setting)
            steps = sorted(one.checkpoints)
            identity = one.records.attrs["identity"]
            write_attributes(
                group, {"identity": identity, "parameter_names": list(one.checkpoints[steps[0]])}
            )
            digests: list[str] = []
            for step in steps:
                arrays = [value.numpy() for value in one.checkpoints[step].values()]
                digests.append(chained_digest(digests[-1] if digests else identity, step, arrays))
            group["step"] = np.array(steps, dtype=np.int64)
            group["digest"] = digests
            for name in one.checkpoints[steps[0]]:
                values = np.stack([one.checkpoints[step][name].numpy() for step in steps])
                group.create_dataset(
                    f"parameters/{name}", data=values, chunks=(1, *values.shape[1:])
                )


def read_checkpoints(path: str | Path, setting: str, identity: str) -> Checkpoints:
    """Read the checkpoints of a setting.

    Parameters
    ----------
    path : str or Path
    setting : str
    identity : str
        Of the program, as the attributes of its curves give it.

    Raises
    ------
    StoreError
        If the file is missing or damaged, lacks the setting, or is of another run.
    """
    with open_store(path) as handle:
        if setting not in handle:
            raise StoreError(f"{path} has no setting {setting!r}: delete it and run again")
        group = handle[setting]
        if group.attrs["identity"] != identity:
            raise StoreError(
                f"{path}: {setting!r} belongs to run identity {group.attrs['identity']}, expected "
                f"{identity}: delete it and run again"
            )
        names = json.loads(group.attrs["parameter_names"])
        arrays = {name: group["parameters"][name][:] for name in names}
        steps, previous = group["step"][:], identity
        for index, (step, digest) in enumerate(zip(steps, group["digest"].asstr()[:], strict=True)):
            own = [values[index] for values in arrays.values()]
            if digest != chained_digest(previous, int(step), own):
                raise StoreError(
                    f"{path}: the parameters of {setting!r} at step {step} do not match their "
                    "digest: delete the file and run again"
                )
            previous = digest
    return Checkpoints(steps, {name: torch.from_numpy(values) for name, values in arrays.items()})
