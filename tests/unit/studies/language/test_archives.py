"""Archives are the pinned ones or refused, and what a download leaves is whole or nothing."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from stagewise.studies.language.archives import Archive, ArchiveError, download, members

TEXTS = {"prose/text/b.txt": b"second", "prose/text/a.txt": b"first", "prose/code.py": b"x = 1"}
WHEEL = "prose-1.0-py3-none-any.whl"


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel() -> bytes:
    buffer = io.BytesIO()
    about = {
        "prose-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: prose\nVersion: 1.0\n",
        "prose-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nTag: py3-none-any\n",
        "prose-1.0.dist-info/RECORD": b"",
    }
    with zipfile.ZipFile(buffer, "w") as handle:
        for name, content in {**TEXTS, **about}.items():
            handle.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def sdist() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as handle:
        for name, content in TEXTS.items():
            entry = tarfile.TarInfo(f"prose-1.0/{name}")
            entry.size = len(content)
            handle.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ARCHIVE = Archive("prose", "1.0", digest(wheel()))


@pytest.fixture
def index(tmp_path) -> str:
    """Make a package index in a folder."""
    place = tmp_path / "index/prose"
    place.mkdir(parents=True)
    (place / WHEEL).write_bytes(wheel())
    (place / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    return place.parent.as_uri()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_download_and_read(tmp_path, index):
    path = tmp_path / "archives/prose"
    download(ARCHIVE, path, index)
    assert files_in(path.parent) == [".prose.seal", "prose"]
    assert list(members(ARCHIVE, path, "prose/text/*")) == [
        ("prose/text/a.txt", b"first"),
        ("prose/text/b.txt", b"second"),
    ]


def test_wrong_digest_leaves_nothing(tmp_path, index):
    path = tmp_path / "archives/prose"
    with pytest.raises(ArchiveError, match=r"prose 1.0 is pinned to 0000: delete the file"):
        download(replace(ARCHIVE, sha256="0000"), path, index)
    assert files_in(path.parent) == []


@pytest.mark.parametrize("missing", [{"version": "9.9"}, {"package": "no-such-prose"}])
def test_what_cannot_be_had_leaves_nothing(tmp_path, index, missing):
    path = tmp_path / "archives/prose"
    with pytest.raises(
        ArchiveError, match=r"cannot be downloaded .* connect to the network"
    ) as error:
        download(replace(ARCHIVE, **missing), path, index)
    assert "\n" not in str(error.value)
    assert files_in(path.parent) == []


def test_tar_archives_are_read_too(tmp_path):
    path = tmp_path / "prose"
    path.write_bytes(sdist())
    archive = replace(ARCHIVE, sha256=digest(sdist()))
    found = list(members(archive, path, "*/text/*"))
    assert [content for _, content in found] == [b"first", b"second"]


def test_what_is_not_there_or_no_archive(tmp_path):
    path = tmp_path / "prose"
    with pytest.raises(
        ArchiveError, match=r"does not exist: run the rule that downloads prose 1.0"
    ):
        list(members(ARCHIVE, path, "*"))
    path.write_bytes(wheel())
    with pytest.raises(ArchiveError, match=r"\(prose 1.0\) has no file \*.json"):
        list(members(ARCHIVE, path, "*.json"))
    path.write_bytes(b"no archive")
    with pytest.raises(ArchiveError, match="neither zip nor tar"):
        list(members(replace(ARCHIVE, sha256=digest(b"no archive")), path, "*"))
