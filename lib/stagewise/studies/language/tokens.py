"""Tokens on disk: every split one flat memory-mapped file, cut into rows without copying.

A split is a stream: end-of-text, the first document, end-of-text, the second, and so on, as uint16.
Rows of n_ctx tokens are its consecutive pieces, so a document may go over the edge of a row, and the
last tokens, which fill no row, are left over. The index says where every document begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.stores.files import StoreError, read_dataset
from stagewise.stores.seals import verify
from stagewise.studies.language.settings import SPLITS

DTYPE = np.dtype("<u2")


@dataclass(frozen=True)
class TokenRows:
    """Rows of a split, read from disk when they are asked for.

    Parameters
    ----------
    stream : ndarray of uint16, shape (token,)
        Memory-mapped.
    length : int
        n_ctx, tokens in a row.
    """

    stream: np.ndarray
    length: int

    def __len__(self) -> int:
        return len(self.stream) // self.length

    def __getitem__(self, rows: int | slice | Tensor | np.ndarray) -> Tensor:
        """Return rows as int64, shape (row, n_ctx), or (n_ctx,) for one."""
        whole = self.stream[: len(self) * self.length].reshape(len(self), self.length)
        index = rows.numpy(force=True) if isinstance(rows, Tensor) else rows
        return torch.from_numpy(np.asarray(whole[index]).astype(np.int64))

    def chunks(self, num_tokens: int) -> Iterator[np.ndarray]:
        """Yield all rows in order as uint16, about `num_tokens` tokens at a time."""
        step = max(1, num_tokens // self.length)
        for first in range(0, len(self), step):
            last = min(first + step, len(self))
            yield self.stream[first * self.length : last * self.length].reshape(-1, self.length)


def open_rows(path: str | Path, length: int, num_tokens: int | None = None) -> TokenRows:
    """Map the stream of a split into memory as rows.

    Parameters
    ----------
    path : path
    length : int
        n_ctx.
    num_tokens : int, optional
        Tokens that the index says are there.

    Raises
    ------
    StoreError
        As `stores.seals.verify`, and if the file has another length or does not fill a row.
    """
    size, rest = divmod(verify(path).stat().st_size, DTYPE.itemsize)
    if rest or (num_tokens is not None and size != num_tokens):
        raise StoreError(
            f"{path} holds {size} tokens and {rest} bytes, expected {num_tokens} tokens: delete it "
            "and run again"
        )
    if size < length:
        raise StoreError(
            f"{path} holds {size} tokens, which fill no row of {length}: give more text, hold out a "
            "larger share, or lower network.context_length"
        )
    return TokenRows(np.memmap(path, dtype=DTYPE, mode="r"), length)


def open_split(path: str | Path, path_to_index: str | Path, split: str, length: int) -> TokenRows:
    """Map a split into memory as rows, checked against the index; see `open_rows`."""
    return open_rows(path, length, tokens_of_split(read_dataset(path_to_index), split))


def tokens_of_split(index: xr.Dataset, split: str) -> int:
    """Return how many tokens the stream of a split holds, by the index."""
    own = index["split"].values == SPLITS.index(split)
    return int(index["num_tokens"].values[own].sum())


def constant_predictor_loss(rows: Tensor) -> float:
    """Return the least loss in nats of a prediction that is the same everywhere: their entropy."""
    frequency = rows[:, 1:].flatten().bincount().double()
    return float(torch.special.entr(frequency / frequency.sum()).sum())
