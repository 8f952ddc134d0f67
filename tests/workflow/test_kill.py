"""SIGKILL in the middle of training and of an LLC shard: the next run ends with the same numbers."""

import os
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

SMOKE = ("--configfile", "config/smoke.yaml")
RUN = "results/smoke/regression/base-s0"


def kill_when(process, condition, patience=120.0) -> None:
    """Kill a whole process group as soon as the condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the moment to kill never came"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def same_hdf5(one: Path, other: Path) -> bool:
    different = []

    def compare(name, item):
        if isinstance(item, h5py.Dataset) and not np.array_equal(item[()], right[name][()]):
            different.append(name)

    with h5py.File(one) as left, h5py.File(other) as right:
        left.visititems(compare)
        assert set(left) == set(right)
    return not different


def test_training_killed_and_continued(project, finished):
    # Two of four segments are done when the kill falls.
    target = f"{RUN}/checkpoints.h5"
    partial = project.path / f"{target}.partial"
    process = project.start(target, *SMOKE)
    kill_when(process, lambda: (partial / "segment-00001.h5").exists())
    assert not (project.path / target).exists()
    project.snakemake("--unlock", *SMOKE)
    project.snakemake(target, *SMOKE)
    log = (project.path / "logs/smoke/regression/base-s0/train.log").read_text()
    assert "continuing from step" in log
    for name in ("checkpoints.h5", "trajectory.h5"):
        assert same_hdf5(finished.path / RUN / name, project.path / RUN / name)
    assert not partial.exists()


def test_llc_shard_killed_and_done_again(edited, finished):
    target = f"{RUN}/llc/local/shard-0000.nc"
    (edited.path / target).unlink()
    log = edited.path / "logs/smoke/regression/base-s0/llc/local/shard-0000.log"
    log.unlink()
    process = edited.start(target, *SMOKE)
    kill_when(process, lambda: log.exists() and "checkpoint 1/5" in log.read_text())
    assert not (edited.path / target).exists()
    edited.snakemake("--unlock", *SMOKE)
    edited.snakemake(target, *SMOKE)
    with (
        xr.open_dataset(finished.path / target, engine="h5netcdf") as one,
        xr.open_dataset(edited.path / target, engine="h5netcdf") as other,
    ):
        xr.testing.assert_equal(one, other)
