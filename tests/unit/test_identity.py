"""Digests of code follow edits of code, along imports, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from lib.identity import CodeError, code_digests, digest_of

ROOT = Path(__file__).parents[2]

TREE = {
    "lib/__init__.py": '"""A library."""\n',
    "lib/base.py": '"""Base."""\nLIMIT = 3\n"""A note."""\n\ndef half(x):\n    return x / 2\n',
    "lib/middle.py": "from lib.base import half\n\ndef quarter(x):\n    return half(half(x))\n",
    "lib/lonely.py": "def third(x):\n    return x / 3\n",
    "lib/study/__init__.py": "",
    "lib/study/model.py": "from . import task\nfrom ..base import LIMIT\n",
    "lib/study/task.py": "import math\n",
    "lib/study/unused.py": "UNUSED = 1\n",
    "scripts/deep.py": "import sys\n\nfrom lib.middle import quarter\n\nprint(quarter(4))\n",
    "scripts/package.py": "from lib.study import model\n",
    "scripts/plain.py": "import lib.lonely\n",
    "scripts/late.py": "def main():\n    from lib import lonely\n    return lonely\n",
    "scripts/free.py": "import json\nfrom library import thing\n",
}
DEEP = ["lib/__init__.py", "lib/base.py", "lib/middle.py", "scripts/deep.py"]
PACKAGE = [
    "lib/__init__.py",
    "lib/base.py",
    "lib/study/__init__.py",
    "lib/study/model.py",
    "lib/study/task.py",
    "scripts/package.py",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def all_digests(root: Path) -> dict[str, dict[str, str]]:
    scripts = sorted((root / "scripts").glob("*.py"))
    return {path.stem: code_digests(path, root) for path in scripts}


def changed(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> set[str]:
    return {script for script in before if before[script] != after[script]}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    # Two writes may fall in one tick of the clock of the file system.
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1_000_000))


def test_digest_ignores_the_order_of_keys_and_tells_contents_apart():
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": [1, 2], "a": 1})
    assert digest_of({"a": [1, 2]}) != digest_of({"a": [2, 1]})
    assert digest_of(1) != digest_of("1")
    assert re.fullmatch("[0-9a-f]{16}", digest_of(None))


@pytest.mark.parametrize(
    ("script", "files"),
    [
        ("deep", DEEP),
        ("package", PACKAGE),
        ("plain", ["lib/__init__.py", "lib/lonely.py", "scripts/plain.py"]),
        ("late", ["lib/__init__.py", "lib/lonely.py", "scripts/late.py"]),
        ("free", ["scripts/free.py"]),
    ],
)
def test_a_script_reaches_its_imports_inside_the_library_and_no_more(tree, script, files):
    assert list(code_digests(tree / f"scripts/{script}.py", tree)) == files


def test_relative_script_starts_at_the_root(tree):
    by_name = code_digests(Path("scripts/deep.py"), tree)
    assert by_name == code_digests(tree / "scripts/deep.py", tree)


@pytest.mark.parametrize(
    ("file", "old", "new", "dependents"),
    [
        ("lib/base.py", "x / 2", "x / 2.5", {"deep", "package"}),
        ("lib/base.py", "LIMIT = 3", "LIMIT = 4", {"deep", "package"}),
        ("lib/middle.py", "half(half(x))", "half(x) / 2", {"deep"}),
        ("lib/lonely.py", "x / 3", "x / 4", {"plain", "late"}),
        ("lib/study/task.py", "import math", "import cmath", {"package"}),
        ("lib/study/unused.py", "1", "2", set()),
        ("scripts/free.py", "json", "csv", {"free"}),
        (
            "lib/__init__.py",
            '"""A library."""',
            "VERSION = 1",
            {"deep", "package", "plain", "late"},
        ),
    ],
)
def test_an_edit_changes_exactly_the_dependents(tree, file, old, new, dependents):
    before = all_digests(tree)
    edit(tree / file, old, new)
    after = all_digests(tree)
    assert changed(before, after) == dependents
    for script in dependents:
        differing = {name for name in before[script] if before[script][name] != after[script][name]}
        assert differing == {file}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Base."""', '"""Another text."""'),
        ('"""Base."""\n', ""),
        ('"""A note."""', '"""Another note."""'),
        ("LIMIT = 3", "LIMIT = 3  # a comment"),
        ("    return x / 2", '    """Halve."""\n    # Twice the comments.\n\n    return (x / 2)'),
    ],
)
def test_comments_docstrings_and_formatting_change_nothing(tree, old, new):
    before = all_digests(tree)
    edit(tree / "lib/base.py", old, new)
    assert all_digests(tree) == before


def test_strings_that_are_used_count(tree):
    edit(tree / "lib/base.py", "LIMIT = 3", 'LIMIT = "three"')
    before = all_digests(tree)
    edit(tree / "lib/base.py", "three", "seven")
    assert changed(before, all_digests(tree)) == {"deep", "package"}


def test_touching_a_file_changes_nothing(tree):
    before = all_digests(tree)
    os.utime(tree / "lib/base.py", ns=(0, 0))
    assert all_digests(tree) == before


def test_a_new_import_is_followed_and_a_new_submodule_found(tree):
    edit(tree / "lib/lonely.py", "def third", "from lib.study import late\n\ndef third")
    assert "lib/study/late.py" not in code_digests(tree / "scripts/plain.py", tree)
    (tree / "lib/study/late.py").write_text("import lib.base\n")
    files = code_digests(tree / "scripts/plain.py", tree)
    assert {"lib/study/late.py", "lib/base.py"} <= set(files)


def test_modules_that_import_each_other_end(tree):
    edit(tree / "lib/base.py", "LIMIT = 3", "import lib.middle\nLIMIT = 3")
    assert list(code_digests(tree / "scripts/deep.py", tree)) == DEEP


def test_folder_without_init_is_a_package(tree):
    (tree / "lib/study/__init__.py").unlink()
    files = code_digests(tree / "scripts/package.py", tree)
    assert list(files) == [name for name in PACKAGE if name != "lib/study/__init__.py"]


def test_digests_do_not_depend_on_where_the_tree_is(tree, tmp_path_factory):
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(tree, copy)
    assert all_digests(copy) == all_digests(tree)


@pytest.mark.parametrize("text", ["def broken(:\n", "x = 1\n  y = 2\n", "x = '\x00'\n"])
def test_code_that_is_not_python_names_the_file(tree, text):
    (tree / "lib/base.py").write_text(text)
    with pytest.raises(
        CodeError, match=r"lib/base\.py.* is not valid Python .*: correct"
    ) as caught:
        code_digests(tree / "scripts/deep.py", tree)
    assert "\n" not in str(caught.value)


def test_missing_script_names_the_file(tree):
    with pytest.raises(CodeError, match=r"scripts/none\.py cannot be read"):
        code_digests(tree / "scripts/none.py", tree)


def test_missing_module_names_the_importer(tree):
    edit(tree / "lib/middle.py", "lib.base", "lib.bass")
    with pytest.raises(CodeError, match=r"lib/middle\.py imports lib\.bass, which is no module"):
        code_digests(tree / "scripts/deep.py", tree)


def test_scripts_of_the_repository_are_covered():
    for script in sorted((ROOT / "scripts").glob("*.py")):
        files = code_digests(script, ROOT)
        assert f"scripts/{script.name}" in files
        assert all((ROOT / name).is_file() for name in files)
