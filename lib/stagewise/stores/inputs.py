"""Stores and tables read by the name of their layout, several of them as one mapping."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from stagewise.stores.files import StoreError
from stagewise.stores.groups import read_groups


def read_input(
    paths: Sequence[str],
    layout: str,
    *,
    keys: Sequence[Sequence[str]] = ((),),
    groups: bool = False,
) -> Any:
    """Read what a figure asks for under one name.

    Parameters
    ----------
    paths : sequence of str
    layout : str
        Module below ``stagewise`` and name, as in ``development.layout:ED``.
    keys : sequence of sequences of str
        Keys of each path in nested mappings; none for a single path.
    groups : bool
        Whether the stores have a group for each setting; the groups of all of them make one mapping.

    Raises
    ------
    StoreError
        If a store is missing, damaged or breaks its layout, or two have a group of one name.
    """
    module, _, name = layout.partition(":")
    found = getattr(import_module(f"stagewise.{module}"), name)
    if groups:
        joined: dict[str, Any] = {}
        for path in paths:
            read = read_groups(path, found)
            if twice := sorted(joined.keys() & read.keys()):
                raise StoreError(
                    f"{path} has the group {twice[0]!r}, as another store has: rename it"
                )
            joined |= read
        return joined
    nested: dict[str, Any] = {}
    for path, place in zip(paths, keys, strict=True):
        if not place:
            return found.read(path)
        inner = nested
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
        inner[place[-1]] = found.read(path)
    return nested
