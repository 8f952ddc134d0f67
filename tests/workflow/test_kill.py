"""SIGKILL in the middle of training and of an LLC shard: the next run ends with the same numbers."""

import shutil

from tests.projects import kill_when
from tests.stores import differences

SMOKE = ("--configfile", "config/smoke.yaml")
RUN = "results/smoke/regression/base-s0"


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
        assert differences(finished.path / RUN / name, project.path / RUN / name) == []
    assert not partial.exists()


def test_llc_shard_killed_goes_on_with_the_checkpoints_that_it_lacks(edited, finished):
    target = f"{RUN}/llc/local/shard-0000.nc"
    (edited.path / target).unlink()
    estimates = (edited.path / target).parent / ".estimates"
    shutil.rmtree(estimates)
    log = edited.path / "logs/smoke/regression/base-s0/llc/local/shard-0000.log"
    log.unlink()
    process = edited.start(target, *SMOKE)
    kill_when(process, lambda: log.exists() and "checkpoint 1/5" in log.read_text())
    assert not (edited.path / target).exists()
    kept = {path: path.stat().st_mtime_ns for path in estimates.glob("*.nc")}
    assert kept
    edited.snakemake("--unlock", *SMOKE)
    edited.snakemake(target, *SMOKE)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert differences(finished.path / target, edited.path / target) == []
