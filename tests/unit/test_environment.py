"""The environment of the rules and the lock name the same versions, and all that the code imports."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
LOCKED = (ROOT / "envs/requirements.lock").read_text()
LOCK = {
    name.lower().replace("_", "-"): version
    for name, version in re.findall(
        r"^(\S+)==(\S+)", LOCKED + (ROOT / "envs/torch.lock").read_text(), re.MULTILINE
    )
}
PIPELINE = dict(
    entry.split("==")
    for entry in yaml.safe_load((ROOT / "envs/pipeline.yaml").read_text())["dependencies"][-1][
        "pip"
    ]
)


def test_versions_agree():
    assert {name: LOCK[name] for name in PIPELINE} == PIPELINE


def test_every_package_but_torch_is_pinned_by_its_digest():
    entries = re.split(r"\n(?=\S)", LOCKED.strip())
    assert len(entries) == len(LOCK) - 1
    digest = r" \\\n    --hash=sha256:[0-9a-f]{64}"
    assert [one for one in entries if not re.fullmatch(rf"\S+==\S+({digest})+", one)] == []


def test_everything_imported_is_named():
    imported = set()
    for folder in ("lib", "scripts"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                    imported.add(node.module.split(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"stagewise", "scripts"}
    distributions = packages_distributions()
    needed = {distributions[name][0].lower().replace("_", "-") for name in foreign}
    assert needed <= set(PIPELINE)


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = {"core": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}


@pytest.mark.parametrize("part", REQUIRED)
def test_the_lock_is_within_the_bounds_of_the_package(part):
    for requirement in map(Requirement, REQUIRED[part]):
        assert requirement.specifier.contains(LOCK[requirement.name.lower()]), requirement


def test_core_workflow_and_language_are_the_environment_of_the_rules():
    parts = ("core", "workflow", "language")
    assert {Requirement(text).name for part in parts for text in REQUIRED[part]} == set(PIPELINE)
