"""Copies of the project, empty, finished and to be edited."""

import shutil

import pytest

from tests.projects import Project, copy_project


@pytest.fixture
def project(tmp_path) -> Project:
    """Return a copy without results."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Project:
    """Return a copy in which the smoke preset has run to the end; tests must leave it as it is."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    project.snakemake("--configfile", "config/smoke.yaml")
    return project


@pytest.fixture
def edited(finished, tmp_path) -> Project:
    """Return a copy of the finished project, time stamps and records included, to be edited."""
    shutil.copytree(finished.path, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.hookimpl(tryfirst=True)  # before the processes read the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what waits for a whole run of the workflow, and let one process wait for it, once."""
    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("finished"))
