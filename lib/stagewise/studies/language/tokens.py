"""Tokens on disk: every split one flat memory-mapped file, cut into rows without copying.

A split is a stream: end-of-text, the first document, end-of-text, the second, and so on, as uint16.
Rows of n_ctx tokens are its consecutive pieces, so a document may go over the edge of a row, and the
last tokens, which fill no row, are left over. The index says where every document begins.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from tokenizers import Tokenizer
from torch import Tensor

from stagewise.core.progress import Heartbeat
from stagewise.stores.files import StoreError, atomic_path, read_dataset
from stagewise.studies.language.documents import Document
from stagewise.studies.language.splits import SPLITS
from stagewise.studies.language.tokenizer import encode, end_of_text

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


def write_tokens(
    documents: Iterable[Document],
    split: np.ndarray,
    tokenizer: Tokenizer,
    paths: Mapping[str, str | Path],
) -> xr.Dataset:
    """Tokenise documents into the streams of their splits and return the index.

    Parameters
    ----------
    documents : iterable of Document
    split : ndarray of int8, shape (document,)
        From `studies.language.splits.split_documents`.
    tokenizer : Tokenizer
        Of at most 65,536 tokens.
    paths : mapping of str to path
        Where the stream of each split goes.

    Returns
    -------
    xarray.Dataset
        By document: `split`, `source`, `start` in the stream of its split (of its end-of-text token),
        `num_tokens` (with that one) and `num_bytes`. Sources and licences are attributes.

    Raises
    ------
    ValueError
        If an id does not fit into 16 bits, or there are more or fewer documents than in `split`.
    """
    if tokenizer.get_vocab_size() > np.iinfo(DTYPE).max + 1:
        raise ValueError(f"{tokenizer.get_vocab_size()} tokens do not fit into 16 bits")
    first = end_of_text(tokenizer)
    columns = {name: array("q") for name in ("source", "start", "num_tokens", "num_bytes")}
    sources: dict[tuple[str, str], int] = {}
    filled = [0] * len(SPLITS)
    heartbeat = Heartbeat("document", len(split))
    with ExitStack() as stack:
        temporary = [stack.enter_context(atomic_path(paths[name])) for name in SPLITS]
        handles = [stack.enter_context(open(path, "wb")) for path in temporary]
        for count, (place, document) in enumerate(zip(split.tolist(), documents, strict=True), 1):
            ids = np.array([first, *encode(tokenizer, document.text)], dtype=DTYPE)
            handles[place].write(ids.tobytes())
            source = sources.setdefault((document.source, document.licence), len(sources))
            row = (source, filled[place], len(ids), document.num_bytes)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
            filled[place] += len(ids)
            heartbeat.beat(count, f"{sum(filled)} tokens")
    return _index(columns, split, list(sources))


def _index(
    columns: Mapping[str, array[int]], split: np.ndarray, sources: Sequence[tuple[str, str]]
) -> xr.Dataset:
    said = {
        "source": ("1", "number of the source in the attribute sources"),
        "start": ("tokens", "place of the document's end-of-text token in the stream of its split"),
        "num_tokens": ("tokens", "tokens of the document, its end-of-text token among them"),
        "num_bytes": ("bytes", "length of the text in UTF-8"),
    }
    variables = {
        name: (
            "document",
            np.frombuffer(column, dtype=np.int64),
            {"units": units, "long_name": text},
        )
        for (name, column), (units, text) in zip(columns.items(), said.values(), strict=True)
    }
    about = {"units": "1", "long_name": "number of the split in the attribute splits"}
    return xr.Dataset(
        {**variables, "split": ("document", split, about)},
        attrs={
            "splits": json.dumps(SPLITS),
            "sources": json.dumps([source for source, _ in sources]),
            "licences": json.dumps([licence for _, licence in sources]),
        },
    )


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
        If the file is missing, has another length, or does not fill a row.
    """
    if not Path(path).exists():
        raise StoreError(f"{path} does not exist: run the rule that makes it")
    size, rest = divmod(Path(path).stat().st_size, DTYPE.itemsize)
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


def corpus_table(index: xr.Dataset) -> pd.DataFrame:
    """Return what the corpus is made of, for the report: one row a source and split.

    Returns
    -------
    pandas.DataFrame
        Columns source, licence, split, num_documents, num_bytes, num_tokens.
    """
    sources, licences = (json.loads(index.attrs[name]) for name in ("sources", "licences"))
    columns = ["split", "source", "num_bytes", "num_tokens"]
    table = pd.DataFrame({name: index[name].values for name in columns})
    groups = table.groupby(["source", "split"], sort=True)
    summed = groups[["num_bytes", "num_tokens"]].sum().assign(num_documents=groups.size())
    rows = summed.reset_index()
    return pd.DataFrame(
        {
            "source": [sources[index] for index in rows["source"]],
            "licence": [licences[index] for index in rows["source"]],
            "split": [SPLITS[index] for index in rows["split"]],
            **{name: rows[name] for name in ("num_documents", "num_bytes", "num_tokens")},
        }
    )
