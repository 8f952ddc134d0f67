"""What the keys of the language study demand of each other, beyond the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def contradictions(study: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between keys that are right one by one.

    Parameters
    ----------
    study : mapping
        The part ``language`` of a configuration that its schema has passed.
    """
    corpus = study["corpus"]
    if corpus["source"] == "folder" and corpus["folder"]["path"] is None:
        yield "'language.corpus.folder.path' is null; name the folder that 'source: folder' reads"
    split = corpus["split"]
    held_out = split["validation_share"] + split["sampling_share"]
    if held_out >= 1:
        yield (
            f"'language.corpus.split' holds out {held_out:g} of the documents and leaves none to train "
            "on; lower validation_share or sampling_share"
        )
