"""The workflow on a real Slurm: the results are the same, whatever is cancelled, lost or killed."""

import shutil
import subprocess
from pathlib import Path

from tests.projects import kill_when
from tests.slurm.cluster import GPU_RULES, HERE, ClusterProject
from tests.stores import differences, different_files

RUN = "results/smoke/regression/base-s0"
CURVE = f"{RUN}/llc/local/stages.csv"


def without_curve(project: ClusterProject) -> ClusterProject:
    """Take the results of the LLC jobs away, and what was made of them."""
    shutil.rmtree(project.path / RUN / "llc/local")
    return project


def test_results_are_those_of_a_run_without_a_cluster(local, finished):
    assert different_files(local.path / "results", finished.path / "results") == {}
    assert len(list((finished.path / RUN / "llc/local").glob("shard-*.nc"))) == 3


def test_rules_that_train_or_sample_get_one_gpu_each(cluster, finished):
    columns = "Comment:80,Partition:8,tres-per-job:20"
    lines = cluster.run("squeue", "--states=all", "--noheader", f"--Format={columns}").splitlines()
    assert len(lines) >= 9
    for comment, partition, asked in map(str.split, lines):
        wanted = any(comment.startswith(f"rule_{rule}_wildcards") for rule in GPU_RULES)
        assert partition == ("gpu" if wanted else "cpu"), comment
        assert asked.endswith("gpu:fake:1") == wanted, comment


def test_a_cancelled_job_is_named_and_run_again_alone(cluster, local, edited, tmp_path):
    without_curve(edited)
    comment = "rule_llc_shard_wildcards_regression_base-s0_local_0001"
    with (
        open(tmp_path / "output", "w") as output,
        edited.running(CURVE, output=output) as process,
    ):
        job = cluster.wait_for(lambda: cluster.running(comment), process)
        cluster.run("scancel", job.number)
        assert process.wait(timeout=120) == 1
    said = (tmp_path / "output").read_text()
    assert f"SLURM-job '{job.number}' failed, SLURM status is: 'CANCELLED'" in said
    failed = said[said.index("Error in rule") :]
    assert failed.startswith("Error in rule llc_shard:")
    assert f"output: {RUN}/llc/local/shard-0001.nc" in failed
    # The others went on to their ends.
    assert edited.planned(CURVE) == {"llc_shard": 1, "llc": 1, "stages": 1}
    edited.snakemake(CURVE)
    assert different_files(local.path / "results", edited.path / "results") == {}


def test_a_node_lost_in_mid_training_changes_nothing(cluster, local, project):
    target = f"{RUN}/checkpoints.h5"
    partial = project.path / f"{target}.partial"
    with project.running(target) as process:
        cluster.wait_for(lambda: (partial / "segment-00001.h5").exists(), process)
        job = cluster.running("rule_train")
        cluster.run("scontrol", "update", f"nodename={job.node}", "state=down", "reason=test")
        assert not (project.path / target).exists()
        again = cluster.wait_for(lambda: cluster.running("rule_train"), process)
        assert again.number == job.number
        assert again.node != job.node
        assert process.wait(timeout=120) == 0
    cluster.run("scontrol", "update", f"nodename={job.node}", "state=resume")
    log = (project.path / "logs/smoke/regression/base-s0/train.log").read_text()
    assert "continuing from step" in log
    for name in ("checkpoints.h5", "trajectory.h5"):
        assert differences(local.path / RUN / name, project.path / RUN / name) == []


def test_after_a_kill_of_snakemake_its_jobs_end_and_the_rest_is_run(cluster, local, edited):
    without_curve(edited)
    with edited.running(CURVE) as process:
        kill_when(process, lambda: cluster.running("rule_llc_shard"))
    assert cluster.jobs() != []
    cluster.wait_for(lambda: cluster.jobs() == [])
    edited.snakemake("--unlock")
    edited.snakemake(CURVE, "--rerun-incomplete")
    assert different_files(local.path / "results", edited.path / "results") == {}


def test_every_daemon_and_every_job_is_stopped(cluster, tmp_path_factory):
    """Last of all: nothing works afterwards."""
    daemons = cluster.daemons()
    assert set(daemons) == {"munged", "slurmctld", "slurmd-n1", "slurmd-n2"}
    subprocess.run(["bash", HERE / "down.sh", cluster.path], check=True)
    assert [name for name, pid in daemons.items() if Path(f"/proc/{pid}").exists()] == []
    commands = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    ours = f"--snakefile {tmp_path_factory.getbasetemp()}"
    assert [line for line in commands.stdout.splitlines() if ours in line] == []
