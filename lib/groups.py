"""Stores of several datasets: one NetCDF file with a group for each setting or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5netcdf
import xarray as xr

from lib.contracts import check_dataset
from lib.store import Attributes, StoreError, atomic_path, plain_attribute

_LARGE = 500_000
"""Variables with more entries are compressed."""


def write_settings(
    path: str | Path,
    datasets: Mapping[str, xr.Dataset],
    attributes: Attributes,
    contract: str,
) -> None:
    """Write a dataset of every setting, atomically; attributes are repeated in each group.

    Parameters
    ----------
    path : str or Path
    datasets : mapping of str to Dataset
        By name of the setting.
    attributes : mapping
        Text and numbers.
    contract : str
        Name in `lib.contracts.DATASETS` that each dataset must keep.
    """
    with atomic_path(path) as temporary:
        mode = "w"
        for name, dataset in datasets.items():
            checked = check_dataset(dataset, contract)
            plain = {k: plain_attribute(v) for k, v in {**checked.attrs, **attributes}.items()}
            large = [key for key, v in checked.data_vars.items() if v.size > _LARGE]
            encoding = {key: {"zlib": True, "complevel": 1} for key in large}
            checked.assign_attrs(plain).to_netcdf(  # type: ignore[call-overload]
                temporary, mode=mode, group=name, engine="h5netcdf", encoding=encoding
            )
            mode = "a"


def read_settings(path: str | Path, contract: str) -> dict[str, xr.Dataset]:
    """Read every setting of an experiment, contracts checked.

    Raises
    ------
    StoreError
        If the file is missing or damaged, or breaks its contract.
    """
    try:
        with h5netcdf.File(path, "r") as handle:
            names = list(handle.groups)
        return {name: _read_group(path, name, contract) for name in names}
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(
            f"{path} is missing or not a readable NetCDF file: delete it and run again"
        ) from error


def _read_group(path: str | Path, name: str, contract: str) -> xr.Dataset:
    with xr.open_dataset(path, group=name, engine="h5netcdf") as dataset:
        return check_dataset(dataset.load(), contract)
