"""One store of documents from packages, folders and the hub's layout; one sentence where it fails."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import zipfile
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagewise.stores.files import StoreError
from stagewise.studies.language import packages
from stagewise.studies.language.archives import Archive
from stagewise.studies.language.documents import (
    CorpusError,
    Document,
    document_sources,
    folder_documents,
    hub_documents,
    read_documents,
    write_documents,
)
from stagewise.studies.language.packages import PackageSource, package_documents
from stagewise.studies.language.wikitext import prose
from tests.stores import sealed

DOCUMENTS = [Document("First text,\nwith an é.", "a", "CC0"), Document("Second.", "b", "MIT")]


def texts(documents) -> list[str]:
    return [document.text for document in documents]


# The store


def test_round_trip(tmp_path):
    path = tmp_path / "documents.parquet"
    assert write_documents(path, [*DOCUMENTS, Document(" \n", "a", "CC0")]) == 2
    assert list(read_documents(path)) == DOCUMENTS
    assert document_sources(path).tolist() == ["a", "b"]
    assert DOCUMENTS[0].num_bytes == len(DOCUMENTS[0].text) + 1


def test_nothing_is_half_written(tmp_path):
    def breaking():
        yield DOCUMENTS[0]
        raise CorpusError("gone")

    with pytest.raises(CorpusError, match="gone"):
        write_documents(tmp_path / "documents.parquet", breaking())
    with pytest.raises(CorpusError, match="the source holds no text: see the keys"):
        write_documents(tmp_path / "documents.parquet", [])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_store_is_refused(tmp_path):
    path = tmp_path / "documents.parquet"
    with pytest.raises(StoreError, match="does not exist"):
        list(read_documents(path))
    path.write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreError, match="has no seal"):
        list(read_documents(path))
    sealed(path)
    with pytest.raises(StoreError, match="holds no documents"):
        list(read_documents(path))


# A folder


def fill(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "b.txt").write_text("a whole file\nis one document")
    (folder / "deep/a.jsonl").write_text('{"contents": "line one"}\n\n{"contents": "line two"}\n')
    pq.write_table(pa.table({"contents": ["row"], "meta": [1]}), folder / "deep/c.parquet")
    (folder / "notes.md").write_text("not read")


def test_all_kinds_of_file_in_a_folder(tmp_path):
    fill(tmp_path)
    found = list(folder_documents(tmp_path, "contents", "own"))
    assert texts(found) == ["a whole file\nis one document", "line one", "line two", "row"]
    assert {(d.source, d.licence) for d in found} == {(tmp_path.name, "own")}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"body": "x"}', r"a.jsonl, line 1 has no column 'text' \(columns: body\)"),
        ("a.jsonl", b'{"text": "x"}\n{"text"', r"a.jsonl, line 2 is not JSON"),
        ("a.jsonl", b'["x"]', r"has no column 'text' \(columns: none\)"),
        ("a.jsonl", b'{"text": 7}', r"column 'text' holds 7 and no text"),
        ("a.txt", b"\xff\xfe", r"a.txt is not UTF-8"),
        ("a.parquet", b"nothing", r"a.parquet is damaged or no Parquet file"),
        ("a.md", b"text", r"language.corpus.folder.path: .* holds no .txt, .jsonl, .parquet file"),
    ],
)
def test_a_folder_that_cannot_be_read(tmp_path, name, content, message):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / name).write_bytes(content)
    documents = folder_documents(tmp_path / "text", "text", "own")
    with pytest.raises(CorpusError, match=message) as error:
        write_documents(tmp_path / "documents.parquet", documents)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "documents.parquet").exists()


def test_a_parquet_file_without_the_column_and_a_missing_folder(tmp_path):
    pq.write_table(pa.table({"contents": ["row"], "meta": [1]}), tmp_path / "c.parquet")
    with pytest.raises(
        CorpusError, match=r"no column 'text' \(columns: contents, meta\): set the key"
    ):
        list(folder_documents(tmp_path, "text", "own"))
    with pytest.raises(CorpusError, match="is no folder; give one that exists"):
        list(folder_documents(tmp_path / "absent", "text", "own"))


# The hub, as a folder in its layout


@pytest.fixture
def hub(tmp_path, monkeypatch) -> str:
    """Make a data set in the layout of the hub, with the columns of the published one."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "hub"
    (folder / "data").mkdir(parents=True)
    table = pa.table({"contents": [f"text {n}" for n in range(7)], "id": list(range(7))})
    pq.write_table(table, folder / "data/train-00000-of-00001.parquet")
    return str(folder)


def test_hub_by_name_split_and_column(hub):
    assert texts(hub_documents(hub, "main", "train", "contents", "x", None)) == [
        f"text {n}" for n in range(7)
    ]
    first = list(hub_documents(hub, "main", "train", "contents", "x", num_rows=3))
    assert texts(first) == ["text 0", "text 1", "text 2"]
    assert {(d.source, d.licence) for d in first} == {(hub, "x")}


def test_rows_of_the_hub_are_of_one_commit_which_their_source_names(hub, monkeypatch):
    commit, opened = "0123456789" * 4, []
    monkeypatch.setattr(
        "huggingface_hub.HfApi.dataset_info",
        lambda self, name, revision: SimpleNamespace(sha={"main": commit}[revision]),
    )
    local = datasets.load_dataset

    def load_dataset(name, *, revision, **settings):
        opened.append((name, revision))
        return local(hub, **settings)

    monkeypatch.setattr("datasets.load_dataset", load_dataset)
    found = list(hub_documents("some/where", "main", "train", "contents", "x", None))
    assert opened == [("some/where", commit)]
    assert {document.source for document in found} == {f"some/where at {commit}"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "test"}, r"split 'test'.* cannot be read \(Bad split: test"),
        ({"column": "text"}, r"has no column 'text' \(columns: contents, id\)"),
        (
            {"name": "/no/such/folder"},
            r"'/no/such/folder' .* cannot be read .* the network, or set",
        ),
    ],
)
def test_a_data_set_that_cannot_be_read(tmp_path, hub, change, message):
    settings = {"name": hub, "revision": "main", "split": "train", "column": "contents"} | change
    with pytest.raises(CorpusError, match=message) as error:
        write_documents(
            tmp_path / "out.parquet", hub_documents(**settings, licence="x", num_rows=None)
        )
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out.parquet").exists()


# Packages

PAGE = """<page><title>{title}</title><ns>{ns}</ns>{redirect}
<revision><text>{text}</text></revision></page>"""
ARTICLE = """{{Infobox|a=b}}'''Bold''' words about [[things|a thing]].&lt;ref&gt;[http://x A]&lt;/ref&gt;
[[File:x.png|thumb|A [[caption]]]]
{|
| cell
|}
== Part ==
More ''text'' (). [[Category:Things]]

== References ==
Nothing of this.
=== Notes ===
Nor this."""


def dump() -> bytes:
    pages = [
        PAGE.format(title="A", ns=0, redirect="", text=ARTICLE),
        PAGE.format(title="B", ns=0, redirect='<redirect title="A" />', text="#REDIRECT"),
        PAGE.format(title="Talk", ns=1, redirect="", text="chat"),
    ]
    xmlns = 'xmlns="http://www.mediawiki.org/xml/export-0.10/"'
    return bz2.compress(f"<mediawiki {xmlns}>{''.join(pages)}</mediawiki>".encode())


PROSE = "Bold words about a thing.\n\nPart\nMore text ."


def test_prose_of_wikitext():
    text = ARTICLE.replace("&lt;", "<").replace("&gt;", ">")
    assert prose(text).split() == PROSE.split()
    assert prose("{{Only|a=template}}") == ""


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("wikipedia_leads", json.dumps({"A": {"extract": "Lead."}}).encode(), ["Lead."]),
        ("wikipedia_articles", dump(), [PROSE]),
        (
            "bible",
            b"\n".join(
                json.dumps({"book": "Ruth", "chapter": c, "text": t}).encode()
                for c, t in ((1, "One."), (1, "Two."), (2, "Three."))
            ),
            ["Ruth 1\nOne.\nTwo.", "Ruth 2\nThree."],
        ),
        (
            "shakespeare",
            b"# Play\n\n## ACT I\n\n_Enter A,\nand B_\n\n**FIRST LORD**  \nA line,  \nan other.\n",
            ["Play\n\nACT I\n\nEnter A,\nand B\n\nFIRST LORD\nA line,\nan other."],
        ),
        (
            "service_manuals",
            gzip.compress(
                json.dumps(
                    {
                        "documentation": "<p>Does <b>this</b> &amp; that.</p>",
                        "shapes": [
                            {"documentation": "<p>Twice.</p>"},
                            {"documentation": "<p>Twice.</p>"},
                        ],
                    }
                ).encode()
            ),
            ["Does this & that.\nTwice."],
        ),
    ],
)
def test_readers_keep_prose_and_drop_markup(name, content, expected):
    found = [text.split() for text in packages.SOURCES[name].read(content)]
    assert found == [text.split() for text in expected]


def source(files: dict[str, str], path: Path, **options) -> PackageSource:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as handle:
        for name, text in files.items():
            handle.writestr(name, text)
    path.write_bytes(buffer.getvalue())
    archive = Archive("prose", "1.0", sha256(buffer.getvalue()).hexdigest())
    return PackageSource(
        archive, "*.txt", "CC0", lambda content: iter([content.decode()]), **options
    )


def test_a_capped_source_ends_at_its_share(tmp_path, monkeypatch):
    free = source({"a.txt": "x" * 80}, tmp_path / "free")
    files = {f"{name}/{date}/d.txt": date[-1] * 15 for name in "pqr" for date in ("2020", "2021")}
    capped = source(files, tmp_path / "capped", newest_only=True, max_share=1 / 3)
    monkeypatch.setattr(packages, "SOURCES", {"capped": capped, "free": free})
    paths = {name: tmp_path / name for name in ("capped", "free")}
    found = list(package_documents(paths))
    assert texts(found) == ["x" * 80, "1" * 15, "1" * 15]  # 30 of 110 bytes; a third would be 125
    assert found[0].source == "free (prose 1.0)"
    assert len(list(package_documents({"capped": paths["capped"]}))) == 3


def test_every_source_is_pinned():
    for name, entry in packages.SOURCES.items():
        assert len(entry.archive.sha256) == 64, name
        assert entry.licence, name
