"""A store or a table that is added to a study concerns the scripts that use its layouts, no others."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path

import pytest

from stagewise.workflow.code import code_digests

ROOT = Path(__file__).parents[3]
STUDIES = ("language", "modular", "regression", "scurves")
EVERY_STUDY = {"claims", "report"}
"""Scripts that read what all studies make."""

ADDED = """
ADDED = StoreLayout("added", {"new": Variable(("step",), "1", "a new variable")})
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in ("lib", "scripts"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@functools.cache
def changed_by_a_new_layout(tree: Path, module: str) -> set[str]:
    """Return the scripts whose code digests change when a module of layouts gets one more."""
    scripts = {path.stem: path for path in (tree / "scripts").glob("*.py")}
    before = {name: code_digests(path, tree) for name, path in scripts.items()}
    path = tree / "lib/stagewise" / module
    text = path.read_text()
    path.write_text(text + ADDED)
    after = {name: code_digests(script, tree) for name, script in scripts.items()}
    path.write_text(text)
    return {name for name in scripts if before[name] != after[name]}


@pytest.mark.parametrize("study", STUDIES)
def test_a_new_layout_changes_no_script_of_another_study(tree: Path, study: str) -> None:
    changed = changed_by_a_new_layout(tree, f"studies/{study}/layout.py")
    own = {name for name in changed if name.startswith(f"{study}_")}
    assert own
    assert changed - own <= EVERY_STUDY


@pytest.mark.parametrize(
    ("study", "file"),
    [
        ("language", "lib/stagewise/studies/language/subject.py"),
        ("language", "lib/stagewise/studies/language/training.py"),
        ("modular", "lib/stagewise/studies/modular/subject.py"),
        ("modular", "scripts/modular_run.py"),
        ("regression", "lib/stagewise/studies/regression/subject.py"),
        ("regression", "lib/stagewise/studies/regression/training.py"),
        ("scurves", "scripts/scurves_run.py"),
    ],
)
def test_what_trains_and_samples_reaches_no_layout_of_what_is_made_of_it(
    study: str, file: str
) -> None:
    reached = code_digests(Path(file), ROOT)
    assert f"lib/stagewise/studies/{study}/settings.py" in reached
    assert f"lib/stagewise/studies/{study}/layout.py" not in reached


def test_shards_reach_the_layout_of_estimates_alone() -> None:
    reached = code_digests(Path("scripts/llc_shard.py"), ROOT)
    assert "lib/stagewise/llc/estimate_layout.py" in reached
    assert "lib/stagewise/llc/layout.py" not in reached


@pytest.mark.parametrize("study", ["modular", "scurves"])
def test_a_new_layout_of_curves_concerns_the_runs(tree: Path, study: str) -> None:
    changed = changed_by_a_new_layout(tree, f"studies/{study}/curves_layout.py")
    assert f"{study}_run" in changed
    assert not any(name.startswith(("regression_", "llc_")) for name in changed)
