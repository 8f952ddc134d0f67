"""Each study's claims are given what their evidence is read from, and nothing of other studies."""

from __future__ import annotations

import inspect
from importlib import import_module
from inspect import Parameter
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from stagewise.workflow.claims import evidence_of
from stagewise.workflow.config import completed
from stagewise.workflow.plan import Plan
from stagewise.workflow.studies import STUDIES

ROOT = Path(__file__).parents[3]
NEEDED = {"instruments": {"validation", "regression"}}
"""Folders of results that claims look at, where that is not their own study's."""


@pytest.fixture(scope="module")
def plan() -> Plan:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    return Plan(completed(config))


@pytest.mark.parametrize("study", STUDIES)
def test_names_are_those_of_the_parameters_that_read_the_evidence(study: str, plan: Plan) -> None:
    asked = evidence_of(study, plan)
    package = import_module(f"stagewise.studies.{study}.claims")
    parameters = inspect.signature(package.read).parameters.values()
    by_kind = {
        kind: [p.name for p in parameters if p.kind is kind]
        for kind in (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    }
    assert sorted(asked.stores) == sorted(by_kind[Parameter.POSITIONAL_OR_KEYWORD])
    assert sorted(asked.facts) == sorted(by_kind[Parameter.KEYWORD_ONLY])


@pytest.mark.parametrize("study", STUDIES)
def test_claims_of_a_study_need_no_store_of_another(study: str, plan: Plan) -> None:
    stores = evidence_of(study, plan).stores.values()
    paths = [path for value in stores for path in ([value] if isinstance(value, str) else value)]
    assert paths
    assert {Path(path).parts[2] for path in paths} == NEEDED.get(study, {study})


def test_files_of_runs_and_curves_are_in_the_order_of_their_names(plan: Plan) -> None:
    asked = evidence_of("regression", plan)
    for run, path in zip(asked.facts["runs"], asked.stores["metrics"], strict=True):
        assert Path(path).parent.name == run["name"]
    for name in ("llc", "milestones", "stages"):
        for (run, setting), path in zip(asked.facts["curves"], asked.stores[name], strict=True):
            assert f"/{run}/llc/{setting}/" in path
