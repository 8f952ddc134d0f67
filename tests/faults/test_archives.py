"""Archives are fetched as files: what is tampered with never runs and never stays."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from stagewise.studies.language import archives
from stagewise.studies.language.archives import Archive, ArchiveError, download, members
from stagewise.studies.language.pins import ARCHIVES


def sdist(witness: Path) -> bytes:
    """Return a source distribution whose setup.py leaves a file where it runs."""
    buffer = io.BytesIO()
    files = {"setup.py": f"open({str(witness)!r}, 'w').close()", "prose/a.txt": "text"}
    with tarfile.open(fileobj=buffer, mode="w:gz") as handle:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"prose-1.0/{name}")
            entry.size = len(text)
            handle.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def index_of(folder: Path, links: dict[str, bytes], fragments: dict[str, str] | None = None) -> str:
    place = folder / "index/prose"
    place.mkdir(parents=True)
    page = ""
    for name, content in links.items():
        (place / name).write_bytes(content)
        page += f'<a href="{name}{(fragments or {}).get(name, "")}">{name}</a>\n'
    (place / "index.html").write_text(page)
    return place.parent.as_uri()


def pinned(content: bytes) -> Archive:
    return Archive("Prose", "1.0", hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("tampered", [False, True])
def test_the_code_of_a_source_distribution_never_runs(tmp_path, monkeypatch, tampered):
    witness, path = tmp_path / "ran", tmp_path / "archives/prose"
    content = sdist(witness)
    index = index_of(tmp_path, {"prose-1.0.tar.gz": content})
    archive = pinned(b"what was pinned" if tampered else content)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process was started"))
    if tampered:
        with pytest.raises(ArchiveError, match=r"prose-1.0.tar.gz has sha256 .* is pinned to"):
            download(archive, path, index)
        assert list(path.parent.iterdir()) == []
    else:
        download(archive, path, index)
        assert [text for _, text in members(archive, path, "*.txt")] == [b"text"]
    assert not witness.exists()


def test_of_several_files_of_a_release_the_pinned_one_is_taken(tmp_path):
    good = sdist(tmp_path / "ran")
    links = {
        "prose-1.0-py3-none-any.whl": b"a wheel",
        "prose-1.0.zip": good,
        "prose-1.0.1.zip": b"newer",
    }
    download(pinned(good), tmp_path / "one", index_of(tmp_path / "plain", links))
    assert (tmp_path / "one").read_bytes() == good
    said = {
        name: f"#sha256={hashlib.sha256(content).hexdigest()}" for name, content in links.items()
    }
    address = index_of(tmp_path / "digests", links, said)
    assert archives._links(pinned(good), address) == [f"{address}/prose/prose-1.0.zip"]


def test_a_kept_file_that_was_changed_is_refused_before_it_is_opened(tmp_path, monkeypatch):
    path = tmp_path / "prose"
    path.write_bytes(sdist(tmp_path / "ran"))
    monkeypatch.setattr(archives, "_matching", lambda *_: pytest.fail("the file was opened"))
    with pytest.raises(ArchiveError, match="is pinned to"):
        list(members(pinned(b"other"), path, "*"))


def test_every_archive_is_pinned_whole():
    assert all(len(archive.sha256) == 64 for archive in ARCHIVES.values())


def test_the_indexes_that_pip_is_configured_with_are_asked(monkeypatch):
    listed = (
        ":env:.index-url='https://mirror/simple'\nglobal.extra-index-url='file:///a file:///b'\n"
    )
    done = subprocess.CompletedProcess([], 0, stdout=listed)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert archives._indexes() == [
        *("https://mirror/simple", "file:///a", "file:///b"),
        "https://pypi.org/simple",
    ]
