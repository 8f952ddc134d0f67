"""The bigrams of the training rows: how often each token follows each other one."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.sparse import csr_array

from stagewise.studies.language.layout import BIGRAMS
from stagewise.studies.language.tokens import TokenRows

_CHUNK = 1 << 24
"""Tokens counted at a time."""


def count_bigrams(rows: TokenRows, vocab_size: int) -> csr_array:
    """Count the transitions inside rows, which are those that a network is trained on.

    Transitions into and out of the end-of-text token count; those over the edge of a row do not.

    Returns
    -------
    scipy.sparse.csr_array of int64, shape (vocab_size, vocab_size)
        Entry (x, y) is how often y follows x.

    Raises
    ------
    ValueError
        If a row holds an id outside the vocabulary.
    """
    counts = np.zeros(vocab_size**2, dtype=np.int64)
    for chunk in rows.chunks(_CHUNK):
        if chunk.max() >= vocab_size:
            raise ValueError(f"token {chunk.max()} is outside the vocabulary of {vocab_size}")
        pairs = chunk[:, :-1].astype(np.int64) * vocab_size + chunk[:, 1:]
        counts += np.bincount(pairs.ravel(), minlength=len(counts))
    return csr_array(counts.reshape(vocab_size, vocab_size))


def bigram_dataset(counts: csr_array) -> xr.Dataset:
    """Return counts as a dataset of the pairs that occur."""
    pairs = counts.tocoo()
    first, second = (place.astype(np.int32) for place in pairs.coords)
    values = {"first": first, "second": second, "count": pairs.data}
    return BIGRAMS.dataset(values, attributes={"vocab_size": counts.shape[0]})


def counts_of(dataset: xr.Dataset) -> csr_array:
    """Return the counts that `bigram_dataset` was given."""
    size = int(dataset.attrs["vocab_size"])
    place = (dataset["first"].values, dataset["second"].values)
    return csr_array((dataset["count"].values, place), shape=(size, size))


def conditional_distribution(counts: csr_array, tokens: np.ndarray) -> np.ndarray:
    """Return the empirical distribution of the token after each of `tokens`, float64.

    Returns
    -------
    ndarray, shape (len(tokens), vocab_size)
        NaN in rows of tokens that are never followed by one.
    """
    rows = counts[tokens].toarray().astype(np.float64)
    totals = rows.sum(axis=1, keepdims=True)
    return np.divide(rows, totals, out=np.full_like(rows, np.nan), where=totals > 0)


def bigram_entropy(counts: csr_array, tokens: np.ndarray) -> np.ndarray:
    """Return the entropy in nats of the token after each of `tokens`, shape (len(tokens),)."""
    probabilities = conditional_distribution(counts, tokens)
    logs = np.log(probabilities, out=np.zeros_like(probabilities), where=probabilities > 0)
    return -(probabilities * logs).sum(axis=1)
