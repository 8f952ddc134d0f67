"""Documents tokenised into the stream of each split, and the index that says where every one begins."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from tokenizers import Tokenizer

from stagewise.core.progress import Heartbeat
from stagewise.stores.data import CONTENT
from stagewise.stores.files import atomic_path
from stagewise.studies.language.documents import Document
from stagewise.studies.language.layout import INDEX
from stagewise.studies.language.settings import SPLITS
from stagewise.studies.language.tokenizer import encode, end_of_text
from stagewise.studies.language.tokens import DTYPE


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
        `num_tokens` (with that one) and `num_bytes`. Sources and licences are attributes, and so is the
        digest of all tokens (`stores.data.CONTENT`).

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
    filled, content = [0] * len(SPLITS), hashlib.blake2b(digest_size=8)
    heartbeat = Heartbeat("document", len(split))
    with ExitStack() as stack:
        temporary = [stack.enter_context(atomic_path(paths[name])) for name in SPLITS]
        handles = [stack.enter_context(open(path, "wb")) for path in temporary]
        for count, (place, document) in enumerate(zip(split.tolist(), documents, strict=True), 1):
            ids = np.array([first, *encode(tokenizer, document.text)], dtype=DTYPE)
            handles[place].write(ids.tobytes())
            content.update(bytes([place]) + ids.tobytes())
            source = sources.setdefault((document.source, document.licence), len(sources))
            row = (source, filled[place], len(ids), document.num_bytes)
            for column, value in zip(columns.values(), row, strict=True):
                column.append(value)
            filled[place] += len(ids)
            heartbeat.beat(count, f"{sum(filled)} tokens")
    values = {name: np.frombuffer(column, dtype=np.int64) for name, column in columns.items()}
    return INDEX.dataset(
        {**values, "split": split},
        attributes={
            CONTENT: content.hexdigest(),
            "splits": json.dumps(SPLITS),
            "sources": json.dumps([source for source, _ in sources]),
            "licences": json.dumps([licence for _, licence in sources]),
        },
    )


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
