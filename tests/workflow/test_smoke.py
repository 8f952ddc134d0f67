"""The smoke preset run to the end; what reruns after a change is in test_reruns.py."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

SMOKE = ("--configfile", "config/smoke.yaml")
STUDY = "results/smoke/regression"


def test_every_output_is_there(finished):
    results = finished.path / "results/smoke"
    assert (results / "report.html").stat().st_size > 10_000
    claims = pd.read_csv(results / "claims.csv")
    assert set(claims.verdict) == {"not testable at this scale"}
    figures = {path.stem: path for path in (results / "figures").glob("*/*.png")}
    assert len(figures) == sum(1 for _ in (finished.path / "logs/smoke/figures").glob("*/*.log"))
    assert {"fig01b_loss_and_llc", "fig40_calibration_rrr", "g10_equal_flow"} <= set(figures)
    for name, path in figures.items():
        made = {other.suffix for other in path.parent.glob(f"{name}.*")}
        assert {".png", ".pdf"} < made, f"{name} has no data beside it"


def test_nothing_half_written_is_left(finished):
    left = [
        p
        for p in (finished.path / "results").rglob("*")
        if re.search(r"partial|\.(tmp|lock)$", p.name)
    ]
    assert left == []


def test_stores_name_their_run(finished):
    with h5py.File(finished.path / STUDY / "base-s1/checkpoints.h5") as handle:
        assert handle.attrs["run"] == "base-s1"
        assert handle.attrs["seed"] == 1
        assert {"identity", "commit", "version_torch", "settings"} <= set(handle.attrs)


def test_nothing_to_do_afterwards(finished):
    assert finished.planned(*SMOKE) == {}


@pytest.mark.parametrize("shard_size", [1, 10])
def test_the_shard_size_does_not_change_a_bit(edited, finished, shard_size):
    edited.edit("config/smoke.yaml", "shard_size: 5", f"shard_size: {shard_size}")
    target = f"{STUDY}/base-s0/llc/local/llc.nc"
    edited.snakemake(target, *SMOKE)
    with (
        xr.open_dataset(finished.path / target, engine="netcdf4") as one,
        xr.open_dataset(edited.path / target, engine="netcdf4") as other,
    ):
        assert one.sizes["step"] == 9
        for name in one.data_vars:
            assert np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f"), (
                name
            )


def test_a_truncated_store_is_named(edited):
    path = edited.path / STUDY / "base-s0/checkpoints.h5"
    path.write_bytes(path.read_bytes()[:1000])
    result = edited.snakemake(f"{STUDY}/base-s0/metrics.nc", *SMOKE, check=False)
    assert result.returncode != 0
    assert "base-s0/checkpoints.h5 is damaged" in result.stdout
    assert not (edited.path / STUDY / "base-s0/metrics.nc").exists()


def test_a_foreign_store_is_refused(edited):
    study = edited.path / STUDY
    for name in ("checkpoints.h5", ".checkpoints.h5.seal"):
        (study / "base-s0" / name).write_bytes((study / "base-s1" / name).read_bytes())
    result = edited.snakemake(f"{STUDY}/base-s0/metrics.nc", *SMOKE, check=False)
    assert result.returncode != 0
    assert "base-s0/checkpoints.h5 is that of train regression/base-s1" in result.stdout


def test_calibrated_settings_rerun_the_llc_under_them_alone(finished):
    fragment = "results/smoke/calibration/transformer/calibrated.yaml"
    jobs = finished.planned(*SMOKE, fragment)
    text = (finished.path / fragment).read_text()
    assert "# Sampler settings chosen for transformer" in text
    assert jobs["llc"] == 4  # local of both seeds, fresh and likelihood of one
    assert not {"train", "calibration_sweep", "forms"} & set(jobs)
