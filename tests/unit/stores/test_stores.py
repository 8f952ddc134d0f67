import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.development.layout import MILESTONES
from stagewise.llc.layout import AUDIT
from stagewise.stores.files import (
    StoreError,
    atomic_path,
    open_store,
    read_dataset,
    write_dataset,
    write_netcdf,
)
from stagewise.studies.modular.layout import COMPARISON
from tests.stores import sealed

ROOT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "store.h5"
    with h5py.File(path, "w") as handle:
        handle["values"] = np.arange(1000)
    return sealed(path)


def test_a_truncated_file(store):
    os.truncate(store, 500)
    with pytest.raises(StoreError, match=r"store\.h5 is damaged"), open_store(store):
        pass
    with pytest.raises(StoreError, match="not a readable HDF5 file"), open_store(sealed(store)):
        pass


def test_a_missing_file(tmp_path):
    with pytest.raises(StoreError, match="does not exist"), open_store(tmp_path / "no.h5"):
        pass
    with pytest.raises(StoreError, match="does not exist"):
        read_dataset(tmp_path / "no.nc")


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_a_kill_while_writing_leaves_no_finished_file(tmp_path):
    code = (
        "import os, sys; from stagewise.stores.files import atomic_path\n"
        f"with atomic_path({str(tmp_path / 'out.txt')!r}) as t:\n"
        "    t.write_text('half'); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT / "lib", check=False)
    assert done.returncode == -9
    assert not (tmp_path / "out.txt").exists()
    assert {path.name for path in tmp_path.iterdir()} == {".out.txt.tmp", ".out.txt.lock"}
    with atomic_path(tmp_path / "out.txt") as temporary:
        temporary.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"out.txt", ".out.txt.seal"}


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    def write() -> None:
        with atomic_path(tmp_path / "o") as temporary:
            temporary.write_text("everything")

    with pytest.raises(StoreError, match=r"No space left .* make room and run again"):
        write()
    assert os.listdir(tmp_path) == []


def test_netcdf_that_does_not_fit_is_refused_and_gone(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StoreError, match=r"d\.nc cannot be written .* make room and run again"):
            write_netcdf(tmp_path / "d.nc", xr.Dataset({"x": ("step", np.arange(20_000.0))}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == []


def test_damaged_values_are_refused(tmp_path):
    values = np.random.default_rng(0).normal(size=20_000)
    encoding = {"x": {"zlib": True}}
    write_netcdf(tmp_path / "d.nc", xr.Dataset({"x": ("step", values)}), encoding)
    with open(tmp_path / "d.nc", "r+b") as handle:
        handle.seek((tmp_path / "d.nc").stat().st_size // 2)
        handle.write(bytes(100))
    with pytest.raises(StoreError, match=r"d\.nc is damaged"):
        read_dataset(tmp_path / "d.nc")
    with pytest.raises(StoreError, match="not a readable NetCDF file"):
        read_dataset(sealed(tmp_path / "d.nc"))


def test_equal_data_give_equal_bytes(tmp_path):
    dataset = xr.Dataset({"x": ("step", [1.0, np.nan])}, {"step": [0, 5]}, {"run": "a"})
    for name in ("one.nc", "two.nc"):
        write_netcdf(tmp_path / name, xr.DataTree.from_dict({"a": dataset, "b": 2 * dataset}))
    assert (tmp_path / "one.nc").read_bytes() == (tmp_path / "two.nc").read_bytes()


def test_datasets_need_units(tmp_path):
    with pytest.raises(ValueError, match=r"'x' of d\.nc lacks"):
        write_dataset(tmp_path / "d.nc", xr.Dataset({"x": 1.0}), {})


def test_a_dataset_keeps_values_and_attributes(tmp_path):
    attrs = {"units": "1", "long_name": "x"}
    dataset = xr.Dataset({"x": ("step", [1.0, np.nan], attrs)}, {"step": [0, 5]})
    write_dataset(tmp_path / "d.nc", dataset, {"run": "a", "settings": {"n": True}})
    back = read_dataset(tmp_path / "d.nc")
    xr.testing.assert_equal(back, dataset)
    assert json.loads(back.attrs["settings"]) == {"n": True}


def audit(**changes) -> pd.DataFrame:
    row = {"step": 5, "identical": True, "largest_difference": 0.0}
    return pd.DataFrame([{**row, **changes}])


def test_tables_come_back(tmp_path):
    AUDIT.write(tmp_path / "a.csv", audit())
    pd.testing.assert_frame_equal(AUDIT.read(tmp_path / "a.csv"), audit())


@pytest.mark.parametrize("changes", [{"step": -1}, {"identical": "maybe"}, {"extra": 1}])
def test_tables_keep_their_layout(tmp_path, changes):
    with pytest.raises(StoreError, match="the audit table breaks its layout"):
        AUDIT.write(tmp_path / "a.csv", audit(**changes))
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("layout", [AUDIT, MILESTONES, COMPARISON], ids=lambda layout: layout.name)
def test_tables_without_rows_keep_their_types(tmp_path, layout):
    layout.write(tmp_path / "table.csv", layout.empty())
    pd.testing.assert_frame_equal(layout.read(tmp_path / "table.csv"), layout.empty())


def test_empty_tables_come_back(tmp_path):
    columns = ["run", "setting", "step", "log_step", "kind", "llc"]
    columns += ["interval_low", "interval_high", "probability", "p_value"]
    empty = pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    MILESTONES.write(tmp_path / "m.csv", empty.astype({"run": str, "setting": str}))
    assert len(MILESTONES.read(tmp_path / "m.csv")) == 0
