"""Stores on disk: whole or absent, and sure of whose they are.

Every file is written under a temporary name in its own folder, flushed to disk and renamed, so a
reader never meets half a file. Checkpoint and trajectory stores carry the identity of their run,
and a reader states which identity it expects.
"""

from __future__ import annotations

import contextlib
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

Attributes = Mapping[str, Any]

ENGINE: Literal["netcdf4"] = "netcdf4"
"""What xarray reads and writes NetCDF files with."""


class StoreError(RuntimeError):
    """A store is missing, damaged or belongs to another run; the message says what to do."""


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `path` when the block ends well, and vanishes otherwise."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
        If the file is missing, is not a readable HDF5 file, or carries another identity.
    stagewise.core.unanswered.UnansweredError
        If it holds a reason instead of a result; so do all readers.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"{path} does not exist: run the rule that makes it")
    try:
        handle = h5py.File(path, "r")
    except OSError as error:
        raise StoreError(
            f"{path} is not a readable HDF5 file (truncated or foreign): delete it and run again"
        ) from error
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
        except RuntimeError as error:  # NetCDF does not say why
            free = shutil.disk_usage(temporary.parent).free
            raise StoreError(
                f"{path} cannot be written ({error}). Its disk has {free / 1e6:.0f} MB free, a quota "
                "may allow less: make room and run again"
            ) from error


@contextlib.contextmanager
def reading_netcdf(path: str | Path) -> Iterator[None]:
    """Turn what NetCDF raises at a missing or damaged file into a `StoreError`."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise StoreError(
            f"{path} is missing or not a readable NetCDF file: delete it and run again"
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
