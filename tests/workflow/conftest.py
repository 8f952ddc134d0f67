"""Copies of the project, empty, finished and to be edited."""

import shutil

import pytest
from filelock import FileLock

from tests.projects import Project, copy_project


@pytest.fixture
def project(tmp_path) -> Project:
    """Return a copy without results."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Project:
    """Return a copy in which the smoke preset has run to the end; tests must leave it as it is.

    One process runs it for all: the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    place, done = shared / "finished/project", shared / "finished.done"
    with FileLock(shared / "finished.lock"):
        if not done.exists():
            shutil.rmtree(place.parent, ignore_errors=True)
            copy_project(place).snakemake("--configfile", "config/smoke.yaml")
            done.touch()
    return Project(place)


@pytest.fixture
def edited(finished, tmp_path) -> Project:
    """Return a copy of the finished project, time stamps and records included, to be edited."""
    shutil.copytree(finished.path, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what waits for a whole run of the workflow."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
