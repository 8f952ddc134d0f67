"""The smoke preset run to the end, and what reruns after each kind of change."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

SMOKE = ("--configfile", "config/smoke.yaml")
STUDY = "results/smoke/regression"
GEOMETRY = {"forms", "figure_02b", "figure_06b", "claims", "report"}


def test_every_output_is_there(finished):
    results = finished.path / "results/smoke"
    assert (results / "report.html").stat().st_size > 10_000
    claims = pd.read_csv(results / "claims.csv")
    assert set(claims.verdict) == {"not testable at this scale"}
    figures = {path.stem: path for path in (results / "figures").glob("*/*.png")}
    assert {"fig01b", "fig02b", "fig05", "fig06b", "traces", "milestones"} <= set(figures)
    assert {"fig07", "fig08", "fig39", "fig41", "llc_settings", "second_opinion"} <= set(figures)
    assert {"fig40_rrr", "fig40_transformer", "fig40_modular"} <= set(figures)
    assert {f"s{number}" for number in range(1, 14)} <= set(figures)
    assert {f"g{number}" for number in range(1, 11)} <= set(figures)
    for name, path in figures.items():
        made = {other.suffix for other in path.parent.glob(f"{name}.*")}
        assert {".png", ".pdf"} < made, f"{name} has no data beside it"


def test_nothing_half_written_is_left(finished):
    left = [
        p for p in (finished.path / "results").rglob("*") if re.search(r"partial|\.tmp$", p.name)
    ]
    assert left == []


def test_stores_name_their_run(finished):
    with h5py.File(finished.path / STUDY / "base-s1/checkpoints.h5") as handle:
        assert handle.attrs["run"] == "base-s1"
        assert handle.attrs["seed"] == 1
        assert {"identity", "commit", "version_torch", "settings"} <= set(handle.attrs)


def test_nothing_to_do_afterwards(finished):
    assert finished.planned(*SMOKE) == {}


def test_touching_and_commenting_code_reruns_nothing(edited):
    for path in [*edited.path.glob("lib/**/*.py"), *edited.path.glob("scripts/*.py")]:
        path.write_text(path.read_text() + "\n# A remark.\n")
    edited.edit("lib/training.py", '"""Train one network', '"""Teach one network')
    assert edited.planned(*SMOKE) == {}


def test_an_edit_of_the_geometry_reruns_geometry_alone(edited):
    edited.edit("lib/plane_curves.py", "VERTEX_PROMINENCE = ", "VERTEX_PROMINENCE = 2 * ")
    jobs = edited.planned(*SMOKE)
    assert {"forms", "figure_02b", "figure_06b"} <= set(jobs)
    assert set(jobs) <= GEOMETRY


def test_an_edit_of_the_sampler_leaves_training_alone(edited):
    edited.edit("lib/sgld.py", "alpha=-0.5 * config.step_size * config.n_beta", "alpha=-0.0")
    jobs = edited.planned(*SMOKE)
    assert jobs["regression_llc_shard"] == 12
    assert not {"regression_train", "regression_metrics", "essential_dynamics"} & set(jobs)


def test_a_new_learning_rate_reruns_the_study(edited):
    jobs = edited.planned(*SMOKE, "--forceall")
    jobs = {
        rule: count for rule, count in jobs.items() if not rule.startswith(("scurves_", "modular_"))
    }
    edited.edit("config/config.yaml", "max_learning_rate: 0.003", "max_learning_rate: 0.002")
    found = edited.planned(*SMOKE)
    # Instruments are tried on models of their own; calibration on one of the runs besides.
    own = {"validation", "figure_07", "second_opinion", "figure_second_opinion"}
    assert set(jobs) - set(found) == own | {"calibration_model"}
    assert (found.pop("calibration_choice"), found.pop("figure_40")) == (1, 1)
    assert all(found[rule] == jobs[rule] for rule in found)


def test_a_stage_setting_reruns_stages_alone(edited):
    edited.edit("config/config.yaml", "match_width: 0.5", "match_width: 0.4")
    jobs = edited.planned(*SMOKE)
    assert jobs["stages"] == 6
    assert not {"regression_llc_shard", "regression_llc", "forms"} & set(jobs)


def test_a_new_seed_runs_its_own_jobs_alone(edited):
    edited.edit("config/smoke.yaml", "base: {seeds: [0, 1]}", "base: {seeds: [0, 1, 2]}")
    jobs = edited.planned(*SMOKE)
    assert jobs["regression_train"] == 1
    assert jobs["regression_metrics"] == 1
    assert jobs["regression_llc_shard"] == 4
    assert jobs["essential_dynamics"] == 1


def test_a_finer_llc_grid_computes_what_is_new(edited):
    edited.edit("config/smoke.yaml", "num_checkpoints: 9", "num_checkpoints: 10")
    jobs = edited.planned(*SMOKE)
    assert jobs["regression_llc_shard"] == 6  # the last shard of each curve
    edited.edit("config/smoke.yaml", "num_checkpoints: 10", "num_checkpoints: 5")
    assert "regression_llc_shard" not in edited.planned(*SMOKE)


@pytest.mark.parametrize("shard_size", [1, 10])
def test_the_shard_size_does_not_change_a_bit(edited, finished, shard_size):
    edited.edit("config/smoke.yaml", "shard_size: 5", f"shard_size: {shard_size}")
    target = f"{STUDY}/base-s0/llc/local/llc.nc"
    edited.snakemake(target, *SMOKE)
    with (
        xr.open_dataset(finished.path / target, engine="h5netcdf") as one,
        xr.open_dataset(edited.path / target, engine="h5netcdf") as other,
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
    assert "base-s0/checkpoints.h5 is not a readable HDF5 file" in result.stdout
    assert not (edited.path / STUDY / "base-s0/metrics.nc").exists()


def test_a_foreign_store_is_refused(edited):
    study = edited.path / STUDY
    (study / "base-s0/checkpoints.h5").write_bytes((study / "base-s1/checkpoints.h5").read_bytes())
    result = edited.snakemake(f"{STUDY}/base-s0/metrics.nc", *SMOKE, check=False)
    assert result.returncode != 0
    assert "belongs to run identity" in result.stdout


def test_calibrated_settings_rerun_the_llc_under_them_alone(finished):
    fragment = "results/smoke/calibration/transformer/calibrated.yaml"
    jobs = finished.planned(*SMOKE, fragment)
    text = (finished.path / fragment).read_text()
    assert text.startswith("# Sampler settings chosen for transformer")
    assert jobs["regression_llc"] == 4  # local of both seeds, fresh and likelihood of one
    assert not {"regression_train", "calibration_transformer", "forms"} & set(jobs)
