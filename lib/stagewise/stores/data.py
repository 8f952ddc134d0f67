"""Results that are made from data: whose identity is not that of their settings alone."""

from __future__ import annotations

from pathlib import Path

from stagewise.stores.files import StoreError, read_dataset
from stagewise.stores.identity import digest_of

CONTENT = "content"
"""Attribute of an index: the digest of all that the data hold."""


def identity_with(identity: str, path_to_index: str | Path | None) -> str:
    """Return the identity of what is made with the settings of `identity` from the data of an index.

    Without an index there are no data, and the identity is that of the settings.

    Raises
    ------
    StoreError
        If the index is missing or damaged, or does not say what the data hold.
    """
    if path_to_index is None:
        return identity
    attributes = read_dataset(path_to_index).attrs
    if CONTENT not in attributes:
        raise StoreError(
            f"{path_to_index} does not say what its data hold: delete it and run again"
        )
    return digest_of([identity, attributes[CONTENT]])
