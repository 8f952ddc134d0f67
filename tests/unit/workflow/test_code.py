"""Digests of code follow edits of code, along imports, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from stagewise.stores.identity import digest_of
from stagewise.workflow.code import CodeError, code_digests

ROOT = Path(__file__).parents[3]

TREE = {
    "lib/stagewise/__init__.py": '"""A library."""\n',
    "lib/stagewise/base.py": '"""Base."""\nLIMIT = 3\n"""A note."""\n\ndef half(x):\n    return x / 2\n',
    "lib/stagewise/middle.py": "from stagewise.base import half\n"
    "\ndef quarter(x):\n    return half(half(x))\n",
    "lib/stagewise/lonely.py": "def third(x):\n    return x / 3\n",
    "lib/stagewise/study/__init__.py": "",
    "lib/stagewise/study/model.py": "from . import task\nfrom ..base import LIMIT\n",
    "lib/stagewise/study/task.py": "import math\n",
    "lib/stagewise/study/unused.py": "UNUSED = 1\n",
    "scripts/deep.py": "import sys\n\nfrom stagewise.middle import quarter\n\nprint(quarter(4))\n",
    "scripts/package.py": "from stagewise.study import model\n",
    "scripts/plain.py": "import stagewise.lonely\n",
    "scripts/late.py": "def main():\n    from stagewise import lonely\n    return lonely\n",
    "scripts/free.py": "import json\nfrom library import thing\n",
}
DEEP = [
    "lib/stagewise/__init__.py",
    "lib/stagewise/base.py",
    "lib/stagewise/middle.py",
    "scripts/deep.py",
]
PACKAGE = [
    "lib/stagewise/__init__.py",
    "lib/stagewise/base.py",
    "lib/stagewise/study/__init__.py",
    "lib/stagewise/study/model.py",
    "lib/stagewise/study/task.py",
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
        ("plain", ["lib/stagewise/__init__.py", "lib/stagewise/lonely.py", "scripts/plain.py"]),
        ("late", ["lib/stagewise/__init__.py", "lib/stagewise/lonely.py", "scripts/late.py"]),
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
        ("lib/stagewise/base.py", "x / 2", "x / 2.5", {"deep", "package"}),
        ("lib/stagewise/base.py", "LIMIT = 3", "LIMIT = 4", {"deep", "package"}),
        ("lib/stagewise/middle.py", "half(half(x))", "half(x) / 2", {"deep"}),
        ("lib/stagewise/lonely.py", "x / 3", "x / 4", {"plain", "late"}),
        ("lib/stagewise/study/task.py", "import math", "import cmath", {"package"}),
        ("lib/stagewise/study/unused.py", "1", "2", set()),
        ("scripts/free.py", "json", "csv", {"free"}),
        (
            "lib/stagewise/__init__.py",
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
    edit(tree / "lib/stagewise/base.py", old, new)
    assert all_digests(tree) == before


def test_strings_that_are_used_count(tree):
    edit(tree / "lib/stagewise/base.py", "LIMIT = 3", 'LIMIT = "three"')
    before = all_digests(tree)
    edit(tree / "lib/stagewise/base.py", "three", "seven")
    assert changed(before, all_digests(tree)) == {"deep", "package"}


def test_touching_a_file_changes_nothing(tree):
    before = all_digests(tree)
    os.utime(tree / "lib/stagewise/base.py", ns=(0, 0))
    assert all_digests(tree) == before


def test_a_new_import_is_followed_and_a_new_submodule_found(tree):
    edit(
        tree / "lib/stagewise/lonely.py",
        "def third",
        "from stagewise.study import late\n\ndef third",
    )
    assert "lib/stagewise/study/late.py" not in code_digests(tree / "scripts/plain.py", tree)
    (tree / "lib/stagewise/study/late.py").write_text("import stagewise.base\n")
    files = code_digests(tree / "scripts/plain.py", tree)
    assert {"lib/stagewise/study/late.py", "lib/stagewise/base.py"} <= set(files)


def test_modules_that_import_each_other_end(tree):
    edit(tree / "lib/stagewise/base.py", "LIMIT = 3", "import stagewise.middle\nLIMIT = 3")
    assert list(code_digests(tree / "scripts/deep.py", tree)) == DEEP


def test_folder_without_init_is_a_package(tree):
    (tree / "lib/stagewise/study/__init__.py").unlink()
    files = code_digests(tree / "scripts/package.py", tree)
    assert list(files) == [name for name in PACKAGE if name != "lib/stagewise/study/__init__.py"]


def test_digests_do_not_depend_on_where_the_tree_is(tree, tmp_path_factory):
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(tree, copy)
    assert all_digests(copy) == all_digests(tree)


@pytest.mark.parametrize("text", ["def broken(:\n", "x = 1\n  y = 2\n", "x = '\x00'\n"])
def test_code_that_is_not_python_names_the_file(tree, text):
    (tree / "lib/stagewise/base.py").write_text(text)
    with pytest.raises(
        CodeError, match=r"lib/stagewise/base\.py.* is not valid Python .*: correct"
    ) as caught:
        code_digests(tree / "scripts/deep.py", tree)
    assert "\n" not in str(caught.value)


def test_missing_script_names_the_file(tree):
    with pytest.raises(CodeError, match=r"scripts/none\.py cannot be read"):
        code_digests(tree / "scripts/none.py", tree)


def test_missing_module_names_the_importer(tree):
    edit(tree / "lib/stagewise/middle.py", "stagewise.base", "stagewise.bass")
    with pytest.raises(CodeError, match=r"middle\.py imports stagewise\.bass, which is no module"):
        code_digests(tree / "scripts/deep.py", tree)


def test_scripts_of_the_repository_are_covered():
    for script in sorted((ROOT / "scripts").glob("*.py")):
        files = code_digests(script, ROOT)
        assert f"scripts/{script.name}" in files
        assert all((ROOT / name).is_file() for name in files)
