"""Stores on disk: whole or absent, and sure of whose they are.

Every file is written under a temporary name in its own folder by one process at a time, flushed to
disk, sealed and renamed, so a reader never meets half a file, and checks the seal before it reads.
Checkpoint and trajectory stores carry the identity of their run too, and a reader states which
identity it expects.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import xarray as xr

from stagewise.core.unanswered import require_answer
from stagewise.stores.locks import locked
from stagewise.stores.seals import StoreError as StoreError
from stagewise.stores.seals import beside, verify, write_seal

Attributes = Mapping[str, Any]

ENGINE: Literal["netcdf4"] = "netcdf4"
"""What xarray reads and writes NetCDF files with."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well, and vanishes otherwise.

    What a killed process has left under that name is written over.

    Raises
    ------
    StoreError
        If the disk is full, or another process writes the file.
    """
    path = Path(path)
    temporary = beside(path, "tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(beside(path, "lock"), path):
            try:
                yield temporary
                with open(temporary, "rb") as handle:
                    os.fsync(handle.fileno())
                write_seal(temporary, path)
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in _FULL:
            raise _unwritable(path, error) from error
        raise


def _room(path: Path) -> int:
    """Return how many bytes the disk of a file has free for this user."""
    return shutil.disk_usage(path.parent).free if path.parent.exists() else 0


def _unwritable(path: str | Path, error: BaseException) -> StoreError:
    return StoreError(
        f"{path} cannot be written ({error}). Its disk has {_room(Path(path)) / 1e6:.0f} MB free, a "
        "quota may allow less: make room and run again"
    )


class _Patient:
    """A file that goes on in memory from the first failure on, which `failure` keeps.

    HDF5 cannot be told of it: it ends the process when a file is closed that it could not write.
    """

    failure: OSError | None = None

    def __init__(self, path: Path) -> None:
        self._target: io.FileIO | io.BytesIO = io.FileIO(path, "w+")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def write(self, data: Any) -> int:
        """Write all of `data`."""
        place, rest = self._target.tell(), memoryview(data).cast("B")
        try:
            while rest:
                rest = rest[self._target.write(rest) :]
        except OSError as error:
            self._goes_on(error)
            self._target.seek(place)
            self._target.write(data)
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Change the length."""
        try:
            return self._target.truncate(size)
        except OSError as error:
            self._goes_on(error)
            return self._target.truncate(size)

    def _goes_on(self, error: OSError) -> None:
        self.failure, file = error, self._target
        file.seek(0)
        self._target = io.BytesIO(file.read())
        file.close()


@contextlib.contextmanager
def writing_hdf5(path: str | Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that is written atomically; raises as `atomic_path`."""
    with atomic_path(path) as temporary, contextlib.closing(_Patient(temporary)) as file:
        with h5py.File(file, "w") as handle:
            yield handle
        if file.failure is not None:
            raise file.failure


def write_text(path: str | Path, text: str) -> None:
    """Write text in UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def open_store(path: str | Path, identity: str | None = None) -> Iterator[h5py.File]:
    """Open an HDF5 store for reading and check whose it is.

    Parameters
    ----------
    path : str or Path
    identity : str, optional
        Identity that the store must carry.

    Raises
    ------
    StoreError
        As `seals.verify`, and if the file is not HDF5 or carries another identity.
    stagewise.core.unanswered.UnansweredError
        If it holds a reason instead of a result; so do all readers.
    """
    try:
        handle = h5py.File(verify(path), "r")
    except OSError as error:
        raise StoreError(f"{path} is not a readable HDF5 file: delete it and run again") from error
    with handle:
        require_answer(handle.attrs)
        found = handle.attrs.get("identity")
        if identity is not None and found != identity:
            raise StoreError(
                f"{path} belongs to run identity {found}, expected {identity}: "
                "delete it and run again"
            )
        yield handle


def plain_attribute(value: Any) -> str | int | float:
    """Return what an attribute can hold: text and numbers as they are, anything else as JSON."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):  # NetCDF has no truth values
        return int(value)
    return value if isinstance(value, str | int | float) else json.dumps(value, sort_keys=True)


def write_attributes(target: h5py.File | h5py.Group, attributes: Attributes) -> None:
    """Store attributes; anything but text and numbers is kept as JSON."""
    for name, value in attributes.items():
        target.attrs[name] = plain_attribute(value)


def write_dataset(path: str | Path, dataset: xr.Dataset, attributes: Attributes) -> None:
    """Write an xarray dataset to NetCDF, atomically, with provenance added to its attributes.

    Raises
    ------
    ValueError
        If a data variable lacks `units` or `long_name`.
    """
    for name, variable in dataset.data_vars.items():
        missing = {"units", "long_name"} - set(variable.attrs)
        if missing:
            raise ValueError(f"variable {name!r} of {Path(path).name} lacks {sorted(missing)}")
    plain = {
        name: plain_attribute(value) for name, value in {**dataset.attrs, **attributes}.items()
    }
    write_netcdf(path, dataset.assign_attrs(plain))


def write_netcdf(
    path: str | Path,
    data: xr.Dataset | xr.DataTree,
    encoding: Mapping[str, Any] | None = None,
) -> None:
    """Write a dataset, or one dataset a group, to NetCDF, atomically; equal data give equal bytes.

    Raises
    ------
    StoreError
        If NetCDF cannot write, as when the disk is full.
    """
    with atomic_path(path) as temporary:
        try:
            data.to_netcdf(temporary, engine=ENGINE, encoding=encoding)
        except (OSError, RuntimeError) as error:  # NetCDF does not say why
            raise _unwritable(path, error) from error


@contextlib.contextmanager
def reading_netcdf(path: str | Path) -> Iterator[None]:
    """Check a file's seal, and turn what NetCDF raises at a foreign one into a `StoreError`."""
    verify(path)
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise StoreError(
            f"{path} is not a readable NetCDF file: delete it and run again"
        ) from error


def read_dataset(path: str | Path) -> xr.Dataset:
    """Read a NetCDF file whole and close it.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    with reading_netcdf(path):
        dataset = xr.load_dataset(path, engine=ENGINE)
    require_answer(dataset.attrs)
    return dataset
