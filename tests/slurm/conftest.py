"""The cluster, a run on it, and the same run without it."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.projects import Project, copy_project
from tests.slurm.cluster import HERE, SITE, SMOKE, Cluster, ClusterProject, reason_against

RUN = "results/smoke/regression/base-s0"
# Training, metrics, a fan of LLC jobs and their gathering, stages, and the branch of the geometry.
TARGETS = (f"{RUN}/llc/local/stages.csv", f"{RUN}/metrics.nc", f"{RUN}/forms.nc")


def small_copy(target: Path) -> Project:
    """Return a copy of the project with three LLC jobs a curve."""
    project = copy_project(target)
    project.edit("config/smoke.yaml", "shard_size: 5", "shard_size: 3")
    return project


def cluster_copy(target: Path) -> ClusterProject:
    project = ClusterProject(small_copy(target).path)
    (project.path / "profiles/slurm/site.yaml").write_text(SITE)
    return project


@pytest.fixture(scope="session")
def cluster():
    """Return a running cluster; it is stopped at the end whatever happens."""
    reason = reason_against()
    if reason is not None:
        pytest.skip(reason)
    # Not in pytest's own folder, which daemons of another user could not enter.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    try:
        subprocess.run(["bash", HERE / "up.sh", folder], check=True)
        yield Cluster(folder)
    finally:
        subprocess.run(["bash", HERE / "down.sh", folder], check=True)
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def local(tmp_path_factory) -> Project:
    """Return a copy in which the targets were made without a cluster."""
    project = small_copy(tmp_path_factory.mktemp("local") / "project")
    project.snakemake(*TARGETS, *SMOKE)
    return project


@pytest.fixture(scope="session")
def finished(cluster, tmp_path_factory) -> ClusterProject:
    """Return a copy in which the targets were made on the cluster; tests must leave it as it is."""
    project = cluster_copy(tmp_path_factory.mktemp("finished") / "project")
    project.snakemake(*TARGETS)
    return project


@pytest.fixture
def project(cluster, tmp_path) -> ClusterProject:
    """Return a copy without results."""
    return cluster_copy(tmp_path / "project")


@pytest.fixture
def edited(finished, tmp_path) -> ClusterProject:
    """Return a copy of the finished project, time stamps and records included."""
    shutil.copytree(finished.path, tmp_path / "project", symlinks=True)
    return ClusterProject(tmp_path / "project")
