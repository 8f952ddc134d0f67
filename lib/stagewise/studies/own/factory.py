"""A function of the user's that builds a subject: where its file is, and what it returns.

`factory_file` is read when the workflow is parsed; nothing heavy is imported here.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from stagewise.studies.own.folder import OwnError


def factory_file(factory: str) -> Path:
    """Return the file that holds a factory, without importing anything.

    Parameters
    ----------
    factory : str
        ``path/to/file.py:name`` or ``package.module:name``; both are looked for from the folder of the
        run, a module also among those installed.

    Raises
    ------
    OwnError
        If there is no such file.
    """
    place = factory.partition(":")[0]
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise OwnError(f"the file {place} does not exist; correct the path or write the file")
        return Path(place)
    search: list[str] | None = [str(Path.cwd()), *sys.path]
    spec, parts = None, place.split(".")
    for count in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:count]), search)
        if spec is None:
            break
        search = list(spec.submodule_search_locations or ())
    if spec is None or not spec.has_location or spec.origin is None:
        raise OwnError(
            f"there is no module {place}; install it, correct the name, or give the path of a file "
            "that ends in .py"
        )
    return Path(spec.origin)


def load_factory(factory: str) -> Callable[..., Any]:
    """Import a factory.

    Raises
    ------
    OwnError
        If its module cannot be imported or has no such function.
    """
    place, _, name = factory.partition(":")
    file = factory_file(factory)
    folder = file.parent if place.endswith(".py") else Path.cwd()
    sys.path.insert(0, str(folder.resolve()))
    try:
        module = _of_file(file) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise OwnError(
            f"{file} cannot be imported: {told(error, file)}; correct it, so that "
            f'python -c "import {file.stem}" works in its folder'
        ) from error
    found = getattr(module, name, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else "write it, or name another"
        raise OwnError(f"{file} has no function {name!r}; {hint}")
    return found


def call_factory(factory: str, checkpoints: Mapping[int, Path], device: str) -> Any:
    """Return the subject that a factory makes of checkpoints.

    Raises
    ------
    OwnError
        If it fails, or returns something else.
    """
    from stagewise.core.subject import Subject

    function, file = load_factory(factory), factory_file(factory)
    try:
        built = function(checkpoints, device)
    except Exception as error:
        raise OwnError(f"{factory} failed: {told(error, file)}; correct it") from error
    if not isinstance(built, Subject):
        raise OwnError(
            f"{factory} returned {type(built).__name__}; it must return a stagewise.Subject, as "
            "stagewise.subject_of_modules makes it"
        )
    return built


def _of_file(file: Path) -> ModuleType:
    spec = spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module of Python")
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def told(error: Exception, file: Path) -> str:
    """Say what an error was and in which line of a file it came up."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno} ({error.msg})"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if Path(one.filename).resolve() == file.resolve()]
    where = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}{where} ({' '.join(str(error).split())})"
