"""The form that every script keeps: importable, short, one keyword-only `main`."""

import ast
import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
RULES = "\n".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))


def bound_arguments(name: str) -> set[str]:
    """Names of the arguments that a script's main guard passes to `main`."""
    tree = ast.parse((ROOT / "scripts" / f"{name}.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (call,) = [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "main"]
    return {keyword.arg for keyword in call.keywords if keyword.arg}


@pytest.mark.parametrize("name", SCRIPTS)
def test_form(name):
    module = importlib.import_module(f"scripts.{name}")
    parameters = inspect.signature(module.main).parameters
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert bound_arguments(name) == set(parameters)
    assert module.__doc__
    assert module.main.__doc__


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_says_whose_its_files_are(name):
    text = (ROOT / "scripts" / f"{name}.py").read_text()
    assert re.search(
        r"^    (with job|begin)\(snakemake\.log\[0\],.* snakemake\.params\.owners\)", text, re.M
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_length(name):
    assert len((ROOT / "scripts" / f"{name}.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_never_touch_the_configuration(name):
    assert "snakemake.config" not in (ROOT / "scripts" / f"{name}.py").read_text()


def test_every_script_belongs_to_a_rule_and_back():
    used = set(re.findall(r'"\.\./scripts/(\w+)\.py"', RULES))
    assert used == set(SCRIPTS)


def test_a_rule_names_the_code_of_its_own_script():
    for rule in re.split(r"\nrule ", RULES)[1:]:
        script = re.search(r'"\.\./scripts/(\w+)\.py"', rule)
        if script:
            assert re.search(rf'code=code\(\s*"{script[1]}\.py"', rule), rule.split(":")[0]


def test_the_library_knows_neither_workflow_nor_environment():
    forbidden = re.compile(r"^\s*(import|from) snakemake|os\.environ|\bprint\(", re.MULTILINE)
    for path in (ROOT / "lib").rglob("*.py"):
        assert not forbidden.search(path.read_text()), path
