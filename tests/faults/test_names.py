"""A run is known by its study and its name: no study takes the place of another's."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stagewise.workflow.config import checked, merge
from stagewise.workflow.plan import Plan
from stagewise.workflow.reruns import planned_jobs
from tests.projects import ROOT, Project, copy_project

PARTS = [yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in ("config", "smoke")]
VARIANT = {"seeds": [0], "settings": {}, "analyses": ["metrics", "llc", "essential_dynamics"]}
TWINS = {
    "regression": {"variants": dict.fromkeys(("twolayers", "onelayer", "late"), VARIANT)},
    "language": {"variants": dict.fromkeys(("base", "tasks16", "random"), VARIANT)},
}
"""Variants that are called like those of other studies, and are not what these are."""


@pytest.fixture(scope="module")
def plans() -> tuple[Plan, Plan]:
    """Return the plan of the smoke preset, without and with the variants."""
    smoke = merge(*PARTS)
    return Plan(checked(smoke)), Plan(checked(merge(smoke, TWINS)))


def test_runs_of_one_name_are_two(plans):
    before, after = plans
    assert set(after.runs) - set(before.runs) == {
        (study, f"{name}-s0") for study, own in TWINS.items() for name in own["variants"]
    }
    for study, name in before.runs:
        assert after.runs[study, name] == before.runs[study, name]
    assert after.shown_run == before.shown_run
    for variant in ("twolayers", "onelayer"):
        assert after.first_run("language", variant) == before.first_run("language", variant)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    copy = copy_project(tmp_path_factory.mktemp("names") / "project")
    (copy.path / "twins.yaml").write_text(yaml.safe_dump(TWINS))
    return copy


def test_the_workflow_plans_what_each_study_asks_for(project, plans):
    said = project.snakemake("--dry-run", "--configfile", "config/smoke.yaml", "twins.yaml").stdout
    made = [path for job in planned_jobs(said) for path in job.outputs]
    assert len(made) == len(set(made))
    parts = [Path(path).relative_to("results/smoke").parts for path in made if "/smoke/" in path]
    parts = [path for path in parts if len(path) > 2]
    for study, name in set(plans[1].runs) - set(plans[0].runs):
        own = {"/".join(rest) for one, run, *rest in parts if (one, run) == (study, name)}
        assert {"checkpoints.h5", "trajectory.h5", "metrics.nc", "ed.nc", "forms.nc"} <= own
        assert {f"llc/{setting}/llc.nc" for setting in ("published", "local")} <= own
        assert ("landmarks.csv" in own) == (study == "language")


def test_no_rule_makes_a_run_of_another_study(project):
    target = "results/smoke/language/base-s1/checkpoints.h5"
    given = (target, "--dry-run", "--configfile", "config/smoke.yaml", "twins.yaml")
    said = project.snakemake(*given, check=False)
    assert said.returncode == 1
    assert "MissingRuleException" in said.stdout
