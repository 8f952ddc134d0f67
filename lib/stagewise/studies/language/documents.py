"""Documents: the store between any source of text and the tokens, and the loaders that fill it.

Three kinds of source give the same store: pinned packages (`studies.language.packages`), a folder of
files, and a data set of the Hugging Face hub. It is Parquet, one row a document, written in groups, so
a corpus larger than memory passes through.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stagewise.core.progress import Heartbeat
from stagewise.stores.files import StoreError, atomic_path
from stagewise.stores.seals import verify
from stagewise.studies.language.folder import ENDINGS, corpus_files

logger = logging.getLogger(__name__)

_GROUP = 5000
"""Documents in a row group: what is in memory at a time."""

_SCHEMA = pa.schema([("text", pa.string()), ("source", pa.string()), ("licence", pa.string())])

_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of a pair of UTF-16, which JSON can write alone and UTF-8 cannot."""


class CorpusError(RuntimeError):
    """There is no text where it is looked for; the message names the place and the remedy."""


@dataclass(frozen=True)
class Document:
    """A text with where it comes from.

    Parameters
    ----------
    text : str
    source, licence : str
        For the report, which names both.
    """

    text: str
    source: str
    licence: str

    @property
    def num_bytes(self) -> int:
        """Length of the text in UTF-8."""
        return len(self.text.encode())


def write_documents(path: str | Path, documents: Iterable[Document]) -> int:
    """Write documents, those without text left out, whole or not at all; return how many.

    Raises
    ------
    CorpusError
        If there are none.
    """
    count = 0
    rows = (document for document in documents if document.text.strip())
    with atomic_path(path) as temporary:
        with pq.ParquetWriter(temporary, _SCHEMA, compression="zstd") as writer:
            while group := list(islice(rows, _GROUP)):
                writer.write_table(pa.Table.from_pylist([vars(d) for d in group], _SCHEMA))
                count += len(group)
                logger.info("%d documents", count)
        if not count:
            raise CorpusError("the source holds no text: see the keys under language.corpus")
    return count


def read_documents(path: str | Path) -> Iterator[Document]:
    """Yield the documents of a store, a group in memory at a time.

    Raises
    ------
    StoreError
        As `stores.seals.verify`, and if the file is no store of documents.
    """
    try:
        with pq.ParquetFile(verify(path)) as handle:
            for batch in handle.iter_batches(_GROUP):
                for row in batch.to_pylist():
                    yield Document(**row)
    except (OSError, pa.ArrowInvalid, TypeError) as error:
        raise StoreError(f"{path} holds no documents: delete it and run again") from error


def document_sources(path: str | Path) -> np.ndarray:
    """Return the source of every document of a store, without reading their texts.

    Raises
    ------
    StoreError
        As `stores.seals.verify`, and if the file is no store of documents.
    """
    try:
        return pq.read_table(verify(path), columns=["source"])["source"].to_numpy()
    except (OSError, pa.ArrowInvalid) as error:
        raise StoreError(f"{path} holds no documents: delete it and run again") from error


def folder_documents(folder: str | Path, column: str, licence: str) -> Iterator[Document]:
    """Yield the documents of a folder: a text file is one, and so is a row of a table.

    What has such a name and is no file (a folder, a pipe, a dangling link) is left out, and counted in
    the log.

    Parameters
    ----------
    folder : path
        Searched to any depth for files that end in `ENDINGS`, in the order of their names.
    column : str
        Name of the text in .jsonl and .parquet files.
    licence : str
        Stated by whoever gives the folder.

    Raises
    ------
    CorpusError
        If the folder is missing or holds no such file, or a file lacks the column or cannot be read;
        with the line where it has lines.
    """
    root = Path(folder)
    if not root.is_dir():
        raise CorpusError(f"language.corpus.folder.path: {root} is no folder; give one that exists")
    paths, others = corpus_files(root)
    if others:
        logger.warning(
            "%d names in %s are no files, left out: %s, ...", len(others), root, others[0]
        )
    if not paths:
        raise CorpusError(
            f"language.corpus.folder.path: {root} holds no {', '.join(ENDINGS)} file; put text there"
        )
    for path in paths:
        for text in _texts(path, column):
            yield Document(text, root.name, licence)


def _texts(path: Path, column: str) -> Iterator[str]:
    if path.suffix == ".parquet":
        yield from _parquet_texts(path, column)
        return
    place = str(path)
    try:
        if path.suffix == ".txt":
            yield path.read_text(encoding="utf-8")
            return
        with open(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                place = f"{path}, line {number}"
                if line.strip():
                    yield _text_of(json.loads(line.decode()), column, place)
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read ({error.strerror}): mend it or take it out"
        ) from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{place} is not UTF-8: convert it or take it out") from error
    except (ValueError, RecursionError) as error:
        # No JSON, a number of more digits than Python reads, or nested deeper than it goes.
        raise CorpusError(
            f"{place} is not JSON that can be read: correct it or take it out"
        ) from error


def _parquet_texts(path: Path, column: str) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as handle:
            names = handle.schema_arrow.names
            if column not in names:
                raise _no_column(path, column, names)
            for batch in handle.iter_batches(_GROUP, columns=[column]):
                for row in batch.to_pylist():
                    yield _text_of(row, column, path)
    except (pa.ArrowException, OSError) as error:
        raise CorpusError(
            f"{path} is damaged or no Parquet file: replace it or take it out"
        ) from error


def _text_of(row: Any, column: str, place: object) -> str:
    if not isinstance(row, dict) or column not in row:
        raise _no_column(place, column, row if isinstance(row, dict) else ())
    text = row[column]
    if not isinstance(text, str):
        shown = repr(text)[:40]
        raise CorpusError(
            f"{place}: column {column!r} holds {shown} and no text: correct it or take it out"
        )
    if not text.isascii() and _HALVES.search(text):
        raise CorpusError(
            f"{place}: the text holds half a character (a lone surrogate, as in \\ud800): correct it or "
            "take it out"
        )
    return text


def _no_column(place: object, column: str, names: Iterable[str]) -> CorpusError:
    listed = ", ".join(names) or "none"
    return CorpusError(
        f"{place} has no column {column!r} (columns: {listed}): set the key 'column' of "
        "language.corpus to the one that holds the text"
    )


def hub_commit(name: str, revision: str) -> str:
    """Return the commit that a branch or tag of a data set on the hub names now, 40 hexadecimal digits.

    Raises
    ------
    OSError
        If the hub does not answer or does not know the data set or its revision.
    """
    from huggingface_hub import HfApi  # slow to import, and only this source needs it

    return str(HfApi().dataset_info(name, revision=revision).sha)


def hub_documents(
    name: str, revision: str, split: str, column: str, licence: str, num_rows: int | None
) -> Iterator[Document]:
    """Yield the documents of a data set of the Hugging Face hub, streamed.

    All rows are of the one commit that the revision names when reading begins; each document's source
    says which, as a branch can move.

    Parameters
    ----------
    name : str
        Of the data set, or a folder in the same layout.
    revision : str
        Commit, tag or branch; has no meaning for a folder.
    split : str
        Of the data set.
    column : str
        Name of the text.
    licence : str
    num_rows : int or None
        How many rows are taken, the first ones; all of them where it is None.

    Raises
    ------
    CorpusError
        If the data set cannot be opened or lacks the column.
    """
    from datasets import load_dataset  # slow to import, and only this source needs it

    heartbeat = Heartbeat("document", num_rows) if num_rows else None
    try:
        source = name
        if not Path(name).is_dir():
            revision = hub_commit(name, revision)
            source = f"{name} at {revision}"
        rows, count = load_dataset(name, split=split, revision=revision, streaming=True), 0
        for count, row in enumerate(islice(rows, num_rows), 1):
            if heartbeat:
                heartbeat.beat(count)
            yield Document(_text_of(row, column, f"{name!r}, row {count}"), source, licence)
        if num_rows and count < num_rows:
            logger.warning(
                "%r has %d rows, fewer than the %d of language.corpus.hub.num_rows: all are taken",
                *(name, count, num_rows),
            )
    except (OSError, ValueError) as error:
        reason = str(error).splitlines() or [type(error).__name__]
        raise CorpusError(
            f"language.corpus.hub: the data set {name!r} (split {split!r}, revision {revision!r}) "
            f"cannot be read ({reason[0]}): check these keys and the network, or set "
            "language.corpus.source to packages"
        ) from error
