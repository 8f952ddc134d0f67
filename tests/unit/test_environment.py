"""The environment of the rules and the lock name the same versions, and all that the code imports."""

import ast
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
LOCK = {
    name.lower().replace("_", "-"): version
    for name, version in (
        line.split("==") for line in (ROOT / "envs/requirements.lock").read_text().split()
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
