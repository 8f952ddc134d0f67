"""Seals: what is known of a finished file, the digest of its bytes and what it was made from.

The seal of ``llc.nc`` is ``.llc.nc.seal`` beside it, so that files of every format keep their own form.
It is checked before anything else looks into a file: a reader of HDF5 or of text may never return
from damaged bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_STATE = tuple[int, int, int, int]


class StoreError(RuntimeError):
    """A store is missing, damaged or belongs to another run; the message says what to do."""


@dataclass(frozen=True)
class Owner:
    """What a file was made from.

    Parameters
    ----------
    made : str
        Rule and wildcards, as in "llc regression/base-s0/local".
    identity : str
        Digest of the settings of that and of all that it was made from.
    """

    made: str
    identity: str


@dataclass(frozen=True)
class Seal:
    """What is known of a finished file.

    Parameters
    ----------
    digest : str
        BLAKE2b of its bytes.
    made, identity : str
        As of `Owner`; empty where nobody said.
    """

    digest: str
    made: str = ""
    identity: str = ""


_owners: dict[str, Owner] = {}
_checked: dict[str, _STATE] = {}


def own(owners: Mapping[str, Sequence[str]]) -> None:
    """Say what the files that this process reads and writes are made from.

    Parameters
    ----------
    owners : mapping of str to (made, identity)
        By path. Other files are checked for damage alone.
    """
    _checked.clear()
    _owners.clear()
    _owners.update({os.path.abspath(path): Owner(*owner) for path, owner in owners.items()})


def beside(path: Path, kind: str) -> Path:
    """Return the hidden companion of a file: its "seal", its "lock" or, while it is written, "tmp"."""
    return path.with_name(f".{path.name}.{kind}")


def write_seal(written: Path, path: Path) -> None:
    """Seal the bytes that lie at `written` and will be renamed to `path`."""
    owner = _owners.get(os.path.abspath(path))
    seal = Seal(_digest(written), **(asdict(owner) if owner else {}))
    temporary = beside(beside(path, "seal"), "tmp")
    try:
        temporary.write_text(json.dumps(asdict(seal)) + "\n")
        os.replace(temporary, beside(path, "seal"))
    finally:
        temporary.unlink(missing_ok=True)


def verify(path: str | Path) -> Path:
    """Return the path of a file that is whole, as it was written and made from what is expected.

    A file is read once for this, and not again before it changes.

    Raises
    ------
    StoreError
        If it is missing, damaged, unfinished or made from something else.
    """
    path = Path(path)
    if not path.is_file():
        raise StoreError(f"{path} does not exist: run the rule that makes it")
    place, status = os.path.abspath(path), path.stat()
    state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
    if _checked.get(place) == state:
        return path
    seal = _read_seal(path)
    if _digest(path) != seal.digest:
        raise StoreError(
            f"{path} is damaged, its bytes are not those that were written: delete it and run again"
        )
    expected = _owners.get(place)
    if expected and (seal.made, seal.identity) != (expected.made, expected.identity):
        raise StoreError(
            f"{path} is that of {_named(seal)}, expected {_named(expected)}: delete it, and what else "
            "was made with it, and run again"
        )
    _checked[place] = state
    return path


def content_of(path: str | Path) -> str:
    """Return the digest of a file that is whole, and made from what is expected; see `verify`."""
    return _read_seal(verify(path)).digest


def _read_seal(path: Path) -> Seal:
    try:
        return Seal(**json.loads(beside(path, "seal").read_bytes()[:10_000]))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{path} has no seal ({beside(path, 'seal').name}), which is written with it: it is "
            "unfinished or foreign, delete it and run again"
        ) from error


def _named(owner: Owner | Seal) -> str:
    return f"{owner.made or 'no rule'} ({owner.identity or 'no settings'})"


def _digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
