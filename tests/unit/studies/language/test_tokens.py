"""Tokens on disk are the documents' own, split by document; bigrams are those inside rows."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from stagewise.core.seeding import StreamKey
from stagewise.stores.files import StoreError
from stagewise.studies.language.bigrams import (
    bigram_dataset,
    bigram_entropy,
    conditional_distribution,
    count_bigrams,
    counts_of,
)
from stagewise.studies.language.documents import CorpusError, Document
from stagewise.studies.language.layout import BIGRAMS, INDEX
from stagewise.studies.language.settings import SPLITS, SplitSettings
from stagewise.studies.language.splits import split_documents
from stagewise.studies.language.streams import corpus_table, write_tokens
from stagewise.studies.language.tokenizer import Vocabulary, build_tokenizer
from stagewise.studies.language.tokens import (
    TokenRows,
    open_rows,
    tokens_of_split,
)
from tests.layouts import assert_keeps
from tests.stores import sealed

KEY = StreamKey(0, ("language",))
RANDOM = SplitSettings("random", 0.2, 0.1)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Letters alone are tokens: ids are places in the alphabet, 26 stands before a document."""
    return build_tokenizer(Vocabulary((*"abcdefghijklmnopqrstuvwxyz", "<|endoftext|>"), ()))


# Splits


def test_shares_are_kept_in_every_source():
    sources = ["a"] * 100 + ["b"] * 20 + ["c"] * 3
    split = split_documents(sources, RANDOM, KEY)
    counts = {
        name: np.bincount(split[np.array(sources) == name], minlength=3).tolist() for name in "abc"
    }
    assert counts == {"a": [70, 20, 10], "b": [14, 4, 2], "c": [2, 1, 0]}


def test_random_order_depends_on_key_and_source_alone():
    first = split_documents(["a"] * 50, RANDOM, KEY)
    again = split_documents(["b"] * 7 + ["a"] * 50, RANDOM, KEY)[7:]
    assert np.array_equal(first, again)
    assert not np.array_equal(first, split_documents(["a"] * 50, RANDOM, KEY.child(1)))
    assert np.flatnonzero(first == 0).max() > 35  # the last documents are not all held out


def test_given_order_holds_out_the_last_documents():
    settings = SplitSettings("given", 0.1 / 11, 0.9 / 11)
    split = split_documents(["pile"] * 1100, settings, KEY)
    assert np.array_equal(split, np.repeat([0, 1, 2], [1000, 10, 90]))


def test_too_few_documents():
    with pytest.raises(CorpusError, match="b has 1 documents, too few to hold out whole ones"):
        split_documents(["a", "a", "b"], RANDOM, KEY)


# Streams


DOCUMENTS = [
    Document(text, source, licence)
    for text, source, licence in (
        ("abc", "x", "CC0"),
        ("de", "y", "MIT"),
        ("f", "x", "CC0"),
        ("ghij", "x", "CC0"),
    )
]
SPLIT = np.array([0, 0, 1, 0], dtype=np.int8)


@pytest.fixture
def written(tmp_path, tokenizer):
    paths = {name: tmp_path / f"{name}.bin" for name in SPLITS}
    return paths, write_tokens(DOCUMENTS, SPLIT, tokenizer, paths)


def test_streams_are_documents_behind_their_marks(written, tokenizer):
    paths, index = written
    stream = open_rows(paths["train"], 1).stream
    assert isinstance(stream, np.memmap)
    assert stream.dtype == np.uint16
    assert stream.tolist() == [26, 0, 1, 2, 26, 3, 4, 26, 6, 7, 8, 9]
    assert open_rows(paths["validation"], 2).stream.tolist() == [26, 5]
    assert paths["sampling"].stat().st_size == 0
    for document, start, length, split in zip(
        DOCUMENTS, index["start"].values, index["num_tokens"].values, SPLIT, strict=True
    ):
        own = open_rows(paths[SPLITS[split]], 1).stream[start : start + length]
        assert own[0] == 26
        assert tokenizer.decode(own[1:].tolist()) == document.text
    assert [tokens_of_split(index, name) for name in SPLITS] == [12, 2, 0]


def test_the_index_survives_its_file_and_tells_of_the_corpus(tmp_path, written):
    _, index = written
    assert_keeps(index, INDEX)
    INDEX.write(tmp_path / "index.nc", index, {})
    again = INDEX.read(tmp_path / "index.nc")
    for name in index:
        assert np.array_equal(again[name], index[name])
    table = corpus_table(again)
    assert table.to_dict("records") == [
        {
            "source": "x",
            "licence": "CC0",
            "split": "train",
            "num_documents": 2,
            "num_bytes": 7,
            "num_tokens": 9,
        },
        {
            "source": "x",
            "licence": "CC0",
            "split": "validation",
            "num_documents": 1,
            "num_bytes": 1,
            "num_tokens": 2,
        },
        {
            "source": "y",
            "licence": "MIT",
            "split": "train",
            "num_documents": 1,
            "num_bytes": 2,
            "num_tokens": 3,
        },
    ]


def test_rows_are_consecutive_pieces(written):
    rows = open_rows(written[0]["train"], 5, num_tokens=12)
    assert len(rows) == 2  # two tokens are left over
    assert rows[0].tolist() == [26, 0, 1, 2, 26]
    assert rows[0].dtype == torch.int64
    assert rows[torch.tensor([1, 0])].tolist() == [[3, 4, 26, 6, 7], [26, 0, 1, 2, 26]]
    assert [chunk.tolist() for chunk in rows.chunks(5)] == [rows[:1].tolist(), rows[1:].tolist()]
    with pytest.raises(IndexError):
        rows[2]


def test_damaged_and_short_streams(tmp_path, written):
    path = written[0]["train"]
    with pytest.raises(StoreError, match=r"holds 12 tokens and 0 bytes, expected 13 tokens"):
        open_rows(path, 5, num_tokens=13)
    with pytest.raises(StoreError, match="fill no row of 13: give more text"):
        open_rows(path, 13)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StoreError, match="is damaged"):
        open_rows(path, 5)
    sealed(path)
    with pytest.raises(StoreError, match="holds 11 tokens and 1 bytes"):
        open_rows(path, 5)
    with pytest.raises(StoreError, match="does not exist: run the rule"):
        open_rows(tmp_path / "absent.bin", 5)


def test_an_interrupted_writing_leaves_nothing(tmp_path, tokenizer):
    paths = {name: tmp_path / f"{name}.bin" for name in SPLITS}
    for documents in (DOCUMENTS[:3], [*DOCUMENTS, DOCUMENTS[0]]):
        with pytest.raises(ValueError, match=r"shorter|longer"):
            write_tokens(documents, SPLIT, tokenizer, paths)
    assert list(tmp_path.iterdir()) == []


# Bigrams


def test_bigrams_inside_rows_count_and_those_between_do_not():
    rows = TokenRows(np.array([0, 1, 0, 1, 1, 2, 0, 1, 3], dtype=np.uint16), 4)
    counts = count_bigrams(rows, 4).toarray()
    expected = np.zeros((4, 4), dtype=int)
    for first, second in ((0, 1), (1, 0), (0, 1), (1, 2), (2, 0), (0, 1)):
        expected[first, second] += 1
    assert np.array_equal(counts, expected)
    with pytest.raises(ValueError, match="token 2 is outside the vocabulary of 2"):
        count_bigrams(rows, 2)


def test_bigrams_of_many_chunks_are_those_of_one(monkeypatch):
    generator = np.random.default_rng(0)
    rows = TokenRows(generator.integers(0, 50, 5000).astype(np.uint16), 16)
    whole = count_bigrams(rows, 50)
    monkeypatch.setattr("stagewise.studies.language.bigrams._CHUNK", 100)
    assert np.array_equal(whole.toarray(), count_bigrams(rows, 50).toarray())
    assert whole.sum() == len(rows) * 15


def test_bigrams_survive_their_file(tmp_path):
    generator = np.random.default_rng(1)
    counts = count_bigrams(TokenRows(generator.integers(0, 9, 200).astype(np.uint16), 20), 12)
    store = bigram_dataset(counts)
    assert_keeps(store, BIGRAMS)
    BIGRAMS.write(tmp_path / "bigrams.nc", store, {})
    again = counts_of(BIGRAMS.read(tmp_path / "bigrams.nc"))
    assert again.shape == (12, 12)
    assert np.array_equal(again.toarray(), counts.toarray())


def test_distribution_and_entropy():
    counts = count_bigrams(
        TokenRows(np.array([0, 1, 0, 2, 0, 2, 0, 2, 1, 3], dtype=np.uint16), 10), 4
    )
    found = conditional_distribution(counts, np.array([0, 1, 3]))
    np.testing.assert_allclose(found[:2], [[0, 0.25, 0.75, 0], [0.5, 0, 0, 0.5]])
    assert np.isnan(found[2]).all()
    entropy = bigram_entropy(counts, np.array([0, 1]))
    np.testing.assert_allclose(entropy, [-(0.25 * log(0.25) + 0.75 * log(0.75)), log(2)])
