"""The tokenizer is GPT-2's, cut: known ids, nothing lost, and merges that are the first ones."""

from __future__ import annotations

import itertools
import random

import pytest

from stagewise.studies.language.archives import ArchiveError
from stagewise.studies.language.layout import NGRAMS
from stagewise.studies.language.ngrams import common_ngrams, ngram_dataset, ngrams_of
from stagewise.studies.language.tokenizer import (
    Vocabulary,
    build_tokenizer,
    encode,
    end_of_text,
    read_gpt2_vocabulary,
    readable,
)
from tests.layouts import assert_keeps

TEXTS = (
    "Hello world",
    "  two spaces, a\ttab\r\nand a line; don't, WE'LL, it's 1,234.5%",
    "naïve café — “quotes” … 日本語 🙂 e\u0301",
    "<|endoftext|> is text here",
    "\x00\x7f\ufffd",
    "",
)


@pytest.fixture(scope="module")
def cut(gpt2):
    return build_tokenizer(gpt2.cut(5000))


def test_size_of_the_whole(gpt2):
    assert gpt2.size == 50_257
    assert len(gpt2.merges) == 50_000
    assert gpt2.cut(50_257) == gpt2


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello world", [15496, 995]),
        (" the", [262]),
        ("hello", [31373]),
        (" infrastructure", [6884]),
        ("Hello, my dog is cute", [15496, 11, 616, 3290, 318, 13779]),
    ],
)
def test_known_ids_of_gpt2(gpt2, text, ids):
    assert encode(build_tokenizer(gpt2), text) == ids


def test_ids_below_the_cut_are_those_of_gpt2(gpt2, cut):
    assert encode(cut, " the world, and") == encode(build_tokenizer(gpt2), " the world, and")
    assert encode(cut, "Hello world") == [39, 695, 78, 995]
    assert cut.get_vocab_size() == 5000
    assert end_of_text(cut) == 4999
    assert cut.decode([4999]) == "<|endoftext|>"
    assert readable(cut, encode(cut, "Hello world")) == ["H", "ell", "o", " world"]


@pytest.mark.parametrize("size", [257, 258, 1000, 5000, 50_257])
@pytest.mark.parametrize("text", TEXTS)
def test_round_trip(gpt2, size, text):
    tokenizer = build_tokenizer(gpt2.cut(size))
    ids = encode(tokenizer, text)
    assert tokenizer.decode(ids) == text
    assert all(0 <= index < size - 1 for index in ids)  # never end-of-text


def by_hand(vocabulary: Vocabulary, word: str) -> list[str]:
    """Apply the first merge that fits until none does (Sennrich et al. 2016)."""
    ranks = {pair: rank for rank, pair in enumerate(vocabulary.merges)}
    parts = list(word)
    while True:
        pairs = [
            (ranks.get(pair, len(ranks)), place)
            for place, pair in enumerate(itertools.pairwise(parts))
        ]
        rank, place = min(pairs, default=(len(ranks), 0))
        if rank == len(ranks):
            return parts
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


def test_encoding_is_byte_pair_encoding(gpt2, cut):
    small = gpt2.cut(5000)
    words = random.Random(0).sample(gpt2.tokens, 300)
    for word in words:
        found = [piece.value for piece in cut.model.tokenize(word)]
        assert found == by_hand(small, word)


@pytest.mark.parametrize("size", [0, 256, 50_258])
def test_impossible_sizes(gpt2, size):
    with pytest.raises(ValueError, match=f"between 257 and 50257, not {size}"):
        gpt2.cut(size)


def test_common_ngrams_are_the_whole_vocabulary_in_order(gpt2, cut):
    grams = common_ngrams(cut, gpt2, limit=1000)
    assert min(grams) == 2
    assert all(len(gram) == n for n, same in grams.items() for gram in same)
    assert all(len(same) == 1000 for same in grams.values())
    first = gpt2.tokens[4999]  # the first token that the cut left out
    assert cut.decode(list(grams[2][0])) == build_tokenizer(gpt2).decode([4999])
    assert [cut.id_to_token(index) for index in grams[2][0]] == by_hand(gpt2.cut(5000), first)
    texts = [cut.decode(list(gram)) for gram in grams[2]]
    places = [gpt2.tokens.index(text.replace(" ", "Ġ")) for text in texts if text.isascii()]
    assert places == sorted(places)
    store = ngram_dataset(grams)
    assert_keeps(store, NGRAMS)
    again = ngrams_of(store)
    assert {n: [tuple(gram) for gram in same.tolist()] for n, same in again.items()} == grams
    assert max(common_ngrams(cut, gpt2, limit=1)) > max(grams)  # fewer long ones than asked


def test_a_foreign_archive_is_refused(tmp_path, gpt2_archive):
    damaged = tmp_path / "gpt2.whl"
    damaged.write_bytes(gpt2_archive.read_bytes()[:-1])
    with pytest.raises(ArchiveError, match=r"sha256 .* pinned to .*: delete the file"):
        read_gpt2_vocabulary(damaged)
    with pytest.raises(ArchiveError, match="does not exist: run the rule that downloads"):
        read_gpt2_vocabulary(tmp_path / "absent.whl")
