"""Folders of text as people have them: one sentence with file and line, or left out with a count."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stagewise.studies.language.documents import CorpusError, folder_documents, write_documents
from stagewise.workflow.sources import corpus_content, corpus_inputs


def corpus(folder: Path) -> dict:
    return {"source": "folder", "folder": {"path": str(folder), "column": "text"}}


def damaged_parquet() -> bytes:
    """Return a Parquet file whose footer is sound and whose pages are not."""
    sink = pa.BufferOutputStream()
    rows = [f"row {number} " * 50 for number in range(2000)]
    pq.write_table(pa.table({"text": rows}), sink, use_dictionary=False)
    content = bytearray(sink.getvalue().to_pybytes())
    content[20:4000] = b"\xff" * 3980
    return bytes(content)


GOOD = b'{"text": "x"}\n'


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", GOOD + b'{"text": "a \\ud800 b"}', r"a.jsonl, line 2: the text holds half"),
        ("a.jsonl", GOOD + b'{"text": ' + b"[" * 100_000, r"a.jsonl, line 2 is not JSON"),
        ("a.jsonl", GOOD + b'{"text": ' + b"7" * 5000 + b"}", r"a.jsonl, line 2 is not JSON"),
        ("a.jsonl", GOOD + b'{"text": "\xff"}', r"a.jsonl, line 2 is not UTF-8"),
        ("a.jsonl", GOOD + b'{"text": [' + b"1, " * 5000 + b"1]}", r"a.jsonl, line 2: .* no text"),
        ("a.jsonl", GOOD + b"\x00\x00", r"a.jsonl, line 2 is not JSON"),
        ("a.txt", b"\xff\xfeU\x00", r"a.txt is not UTF-8"),
        ("a.parquet", damaged_parquet(), r"a.parquet is damaged or no Parquet file"),
        ("a.parquet", damaged_parquet()[:-900], r"a.parquet is damaged or no Parquet file"),
        ("a.parquet", b"", r"a.parquet is damaged or no Parquet file"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_its_place(tmp_path, name, content, said):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / name).write_bytes(content)
    documents = folder_documents(tmp_path / "text", "text", "own")
    with pytest.raises(CorpusError, match=said) as error:
        write_documents(tmp_path / "documents.parquet", documents)
    sentence = str(error.value).replace(str(tmp_path), "")
    assert "\n" not in sentence
    assert len(sentence) <= 300
    assert not (tmp_path / "documents.parquet").exists()


@pytest.mark.parametrize(
    "name", ["a<b.txt", "{run}.txt", "a'b\".txt", "ä ö.txt", "-rf.txt", "*.txt"]
)
def test_any_name_of_a_file_is_read_and_is_no_input_of_a_rule(tmp_path, name):
    before = corpus_content(corpus(tmp_path))
    (tmp_path / name).write_text("one document")
    assert [document.text for document in folder_documents(tmp_path, "text", "own")] == [
        "one document"
    ]
    assert corpus_content(corpus(tmp_path)) != before
    assert corpus_inputs(corpus(tmp_path)) == {}


def test_what_is_no_file_is_left_out_with_a_count(tmp_path, caplog):
    (tmp_path / "a.txt").mkdir()
    (tmp_path / "a.txt" / "b.txt").write_text("inside")
    os.mkfifo(tmp_path / "c.txt")
    (tmp_path / "d.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "e.txt").symlink_to(tmp_path / "a.txt" / "b.txt")
    texts = [document.text for document in folder_documents(tmp_path, "text", "own")]
    assert texts == ["inside", "inside"]
    assert "3 names in" in caplog.text
    assert corpus_content(corpus(tmp_path))


def test_the_content_of_a_folder_counts_and_not_its_times(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "one"}))
    before = corpus_content(corpus(tmp_path))
    os.utime(path, (0, 0))
    assert corpus_content(corpus(tmp_path)) == before
    old = path.stat()
    path.write_text(json.dumps({"text": "two"}))
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns + 1))
    assert corpus_content(corpus(tmp_path)) != before
    (tmp_path / "notes.md").write_text("not read")
    assert corpus_content(corpus(tmp_path / "absent"))
