"""Common n-grams: GPT-2's own tokens in a smaller vocabulary (Hoogland et al. 2024, App. C.2.2)."""

from __future__ import annotations

import numpy as np
import torch
import xarray as xr
from tokenizers import Tokenizer
from torch import Tensor

from stagewise.studies.language.layout import NGRAMS
from stagewise.studies.language.tokenizer import Vocabulary


def common_ngrams(
    tokenizer: Tokenizer, whole: Vocabulary, limit: int
) -> dict[int, list[tuple[int, ...]]]:
    """Return the common n-grams: GPT-2's own tokens, encoded with the cut vocabulary.

    GPT-2's merges join the most frequent pairs first, so its tokens are frequent strings, in
    order.

    Parameters
    ----------
    tokenizer : Tokenizer
        Of the cut vocabulary.
    whole : Vocabulary
        GPT-2's.
    limit : int
        How many are kept of every length, the first ones.

    Returns
    -------
    dict of int to list of tuple of int
        n-grams by n, from 2, in the order of GPT-2's vocabulary; only lengths that reach `limit`.
    """
    by_length: dict[int, list[tuple[int, ...]]] = {}
    for token in whole.tokens[tokenizer.get_vocab_size() - 1 : -1]:
        # Already in the alphabet of bytes and never more than one word: no pre-tokenizer is needed,
        # and tokens that are no whole characters are encoded too.
        gram = tuple(piece.id for piece in tokenizer.model.tokenize(token))
        same = by_length.setdefault(len(gram), [])
        if len(same) < limit:
            same.append(gram)
    return {n: grams for n, grams in sorted(by_length.items()) if len(grams) == limit}


def ngram_dataset(ngrams: dict[int, list[tuple[int, ...]]]) -> xr.Dataset:
    """Return n-grams of all lengths as one dataset, short ones filled up with -1."""
    rows = [gram for same in ngrams.values() for gram in same]
    tokens = np.full((len(rows), max(ngrams, default=0)), -1, dtype=np.int32)
    for row, gram in zip(tokens, rows, strict=True):
        row[: len(gram)] = gram
    return NGRAMS.dataset({"tokens": tokens})


def ngrams_of(dataset: xr.Dataset) -> dict[int, Tensor]:
    """Return the n-grams of `ngram_dataset` by n, each int64 of shape (ngram, n)."""
    tokens = torch.from_numpy(dataset["tokens"].values.astype(np.int64))
    lengths = (tokens >= 0).sum(1)
    return {int(n): tokens[lengths == n, :n] for n in lengths.unique()}
