"""A folder of text: which files in it are read.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

from pathlib import Path

ENDINGS = (".txt", ".jsonl", ".parquet")


def corpus_files(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Return what is named like text below a folder, in the order of names: files, and what is none.

    A folder, a pipe and a dangling link are no files.
    """
    named = sorted(path for path in Path(folder).rglob("*") if path.suffix in ENDINGS)
    files = [path for path in named if path.is_file()]
    return files, [path for path in named if not path.is_file()]
