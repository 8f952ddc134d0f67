"""Stores and tables read by the name of their layout, several of them as one mapping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from stagewise.core.unanswered import UnansweredError
from stagewise.stores.files import StoreError
from stagewise.stores.groups import read_groups


def read_inputs(
    paths: Mapping[str, Sequence[str]], reading: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Read all that a figure asks for; of several runs those whose stores hold an answer.

    Parameters
    ----------
    paths : mapping of str to sequence of str
        By name.
    reading : mapping of str to mapping
        Keywords of `read_input` by name, and ``several``: whether its mapping is by runs, each of which
        may be missing.

    Returns
    -------
    inputs : dict of str to Any
        By name.
    left_out : dict of str to str
        By run that is in none of the mappings by runs, why it is not.

    Raises
    ------
    UnansweredError
        If a store that cannot be missing, or all of several, hold a reason instead of an answer.
    """
    left_out: dict[str, str] = {}
    inputs = {}
    for name, how in reading.items():
        plain = {key: value for key, value in how.items() if key != "several"}
        inputs[name] = read_input(
            paths[name], **plain, left_out=left_out if how["several"] else None
        )
    for name, how in reading.items():
        if how["several"] and paths[name]:
            inputs[name] = {k: v for k, v in inputs[name].items() if k not in left_out}
            if not inputs[name]:
                raise UnansweredError(next(iter(left_out.values())), told=True)
    return inputs, left_out


def read_input(
    paths: Sequence[str],
    layout: str,
    *,
    keys: Sequence[Sequence[str]] = ((),),
    groups: bool = False,
    left_out: dict[str, str] | None = None,
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
    left_out : dict of str to str, optional
        Takes, by first key, the reasons of stores that hold no answer, which are then left out.

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
        try:
            inner[place[-1]] = found.read(path)
        except UnansweredError as error:
            if left_out is None:
                raise
            left_out[place[0]] = str(error)
    return nested
