"""Digests of code: which modules a script reaches, and when one of them has changed."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stagewise.stores.identity import digest_of

LIBRARY = "lib"
"""Folder that holds the package, below the root."""

PACKAGE = "stagewise"


class CodeError(ValueError):
    """Code cannot be read or found; the message names the file."""


@dataclass(frozen=True)
class _Import:
    """An import statement: dots in front, the module, and the names taken from it (if any)."""

    level: int
    module: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """What matters of a source file."""

    digest: str
    imports: tuple[_Import, ...]


def code_digests(script: Path, root: Path, modules: Sequence[str] = ()) -> dict[str, str]:
    """Return a digest of a script and of every module of the package that it reaches.

    Digests are those of the syntax tree without docstrings, so comments, docstrings and formatting
    do not count and any other edit does. Imports anywhere in a file count, those inside functions
    too; imports by a computed name are not seen.

    Parameters
    ----------
    script : Path
        Python file below `root`; a relative path starts at `root`.
    root : Path
        Folder that holds ``lib/stagewise/``.
    modules : sequence of str
        Modules that the script imports by a computed name, such as "stagewise.studies.modular.claims".

    Returns
    -------
    dict of str to str
        Digest by path relative to `root`, with forward slashes, sorted.

    Raises
    ------
    CodeError
        If a file is missing, is not valid Python, or imports a module that the package lacks.
    """
    root = root.resolve()
    first = (root / script).resolve()
    waiting, digests = [first], {}
    for module in modules:
        waiting.extend(_imported_files(_Import(0, module, ()), first, root))
    while waiting:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in digests:
            continue
        source = _source(path)
        digests[name] = source.digest
        for statement in source.imports:
            waiting.extend(_imported_files(statement, path, root))
    return dict(sorted(digests.items()))


def module_digest(path: Path) -> str:
    """Return the digest of one Python file, to which comments and docstrings do not count.

    Raises
    ------
    CodeError
        If the file is missing or is not valid Python.
    """
    return _source(path).digest


def file_digest(path: str | Path) -> str:
    """Return the digest of a file's contents; a file is read once as long as it stays as it is.

    Raises
    ------
    CodeError
        If the file is missing.
    """
    try:
        status = Path(path).stat()
        return _contents(str(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise CodeError(f"{path} cannot be read: restore the file or correct its name") from error


@functools.cache
def _contents(path: str, mtime: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _source(path: Path) -> _Source:
    try:
        status = path.stat()
    except OSError as error:
        raise CodeError(f"{path} cannot be read: restore the file or correct its name") from error
    return _parsed(path, status.st_mtime_ns, status.st_size)


@functools.cache
def _parsed(path: Path, mtime: int, size: int) -> _Source:
    """Parse one state of a file; `mtime` and `size` stand for its contents in the cache."""
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise CodeError(
            f"{path}, line {error.lineno}, is not valid Python ({error.msg}): correct the file"
        ) from error
    except ValueError as error:
        raise CodeError(f"{path} is not valid Python ({error}): correct the file") from error
    imports = tuple(_imports(tree))
    return _Source(digest_of(ast.dump(_WithoutText().visit(tree))), imports)


class _WithoutText(ast.NodeTransformer):
    """Drop statements that are only a string: docstrings, and notes below attributes."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Keep an expression statement unless it is a string."""
        constant = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if constant else node


def _imports(tree: ast.AST) -> Iterator[_Import]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield _Import(0, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            yield _Import(node.level, node.module or "", tuple(alias.name for alias in node.names))


def _imported_files(statement: _Import, importer: Path, root: Path) -> list[Path]:
    """Return the files of the library that Python runs for an import."""
    parts = tuple(statement.module.split(".")) if statement.module else ()
    if statement.level:
        folder = importer.parents[statement.level - 1]
        if not folder.is_relative_to(root / LIBRARY / PACKAGE):
            return []
        parts = folder.relative_to(root / LIBRARY).parts + parts
    if parts[:1] != (PACKAGE,):
        return []
    library = root / LIBRARY
    if not _exists(library.joinpath(*parts)):
        raise CodeError(
            f"{importer} imports {'.'.join(parts)}, which is no module of {library}: "
            "correct the import or add the file"
        )
    files = [file for end in range(1, len(parts) + 1) for file in _files(library, parts[:end])]
    # A name taken from a package is a module of its own, or something defined in the package.
    return files + [file for name in statement.names for file in _files(library, (*parts, name))]


def _exists(place: Path) -> bool:
    return place.is_dir() or place.with_suffix(".py").is_file()


def _files(library: Path, parts: tuple[str, ...]) -> list[Path]:
    """Return the file of a module or package; none for a folder without ``__init__.py``."""
    place = library.joinpath(*parts)
    candidates = (place / "__init__.py", place.with_suffix(".py"))
    return [file for file in candidates if file.is_file()][:1]
