"""Entries of a configuration: marks of what they leave out, their schema, and settings made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from stagewise.core.fields import ContradictionError, Settings, limits, types_of


@dataclass(frozen=True)
class LeftOut:
    """Marks settings of which some fields are set elsewhere: by the entry beside, a default, or code.

    Parameters
    ----------
    names : tuple of str
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """Marks a mapping that holds changes of some settings: their keys, none of them required.

    Parameters
    ----------
    settings : type of Settings
    """

    settings: type[Settings]


@dataclass(frozen=True)
class Derived:
    """Marks settings that may be stated as changes of others, and are complete once that is resolved.

    Parameters
    ----------
    key : str, optional
        Key under which an entry names the one that it changes; without it that is ``base``, beside.
    """

    key: str | None = None


def marks_of(kind: Any) -> tuple[Any, ...]:
    """Return the marks of a type."""
    return getattr(kind, "__metadata__", ())


@functools.cache
def settings_in(kind: Any) -> Any:
    """Return the settings that a type is, whatever its marks, or None."""
    plain = kind.__origin__ if get_origin(kind) is Annotated else kind
    return plain if isinstance(plain, type) and issubclass(plain, Settings) else None


@functools.cache
def left_out(kind: Any) -> frozenset[str]:
    """Return the names of the fields of settings that their entry does not hold."""
    marks = [mark for mark in marks_of(kind) if isinstance(mark, LeftOut)]
    return frozenset(name for mark in marks for name in mark.names)


@functools.cache
def _plain(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return origin and arguments of a type without its marks."""
    plain = kind.__origin__ if get_origin(kind) is Annotated else kind
    return get_origin(plain), get_args(plain)


@functools.cache
def _parts(settings: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return name and type of each field, and whether plain values of it are no values of it yet."""
    return tuple((name, part, _holds_others(part)) for name, part in types_of(settings).items())


def _holds_others(kind: Any) -> bool:
    origin, arguments = _plain(kind)
    inside = origin in (tuple, Mapping) or any(map(_holds_others, arguments))
    return settings_in(kind) is not None or inside


@functools.cache
def _needed(settings: Any) -> frozenset[str]:
    return frozenset(field.name for field in fields(settings) if field.default is MISSING)


def schema_of(
    kind: Any,
    *,
    written: bool = False,
    describe: Callable[[Any, str | None], str] | None = None,
    required: bool = True,
) -> dict[str, Any]:
    """Return what a type allows as JSON schema, closed at every level.

    Parameters
    ----------
    kind : type
        Of a field.
    written : bool
        As a file states it, where some settings say only what they change of others; otherwise as it is
        complete.
    describe : callable, optional
        ``describe(settings, field)`` gives the sentence on a field, or with None on the settings.
    required : bool
        Whether keys must be there.
    """
    rest = functools.partial(schema_of, written=written, describe=describe)
    marks = marks_of(kind)
    changes = [mark.settings for mark in marks if isinstance(mark, Changes)]
    derived = [mark for mark in marks if isinstance(mark, Derived)] if written else []
    settings: Any = changes[0] if changes else settings_in(kind)
    plain = kind.__origin__ if get_origin(kind) is Annotated else kind
    if settings is not None:
        required = required and not changes and not derived
        properties = {
            name: _described(describe and describe(settings, name), rest(part, required=required))
            for name, part in types_of(settings).items()
            if name not in left_out(kind)
        }
        likeness = (
            "Name of the entry beside that this one is like, but for the keys that it states."
        )
        for mark in derived:
            if mark.key:
                properties[mark.key] = _described(describe and likeness, {"type": "string"})
        level = {"type": "object", "additionalProperties": False, "properties": properties}
        if required:
            level["required"] = list(properties)
        return _described(describe and describe(settings, None), level)
    if get_origin(plain) is Mapping:
        name, part = get_args(plain)
        entry = rest(part, required=required)
        named = {limits(name)["pattern"]: entry}
        level = {"type": "object", "additionalProperties": False, "patternProperties": named}
        return _described(entry.get("description"), level)
    return limits(kind)


def _described(text: str | None, part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a schema with a description in front, in place of its own."""
    return {"description": text, **part, **{"description": text}} if text else part


def build(
    kind: Any, value: Any, place: tuple[str, ...] = (), beside: Mapping[str, Any] | None = None
) -> Any:
    """Return plain values as what a type says: lists as tuples, mappings as settings.

    Parameters
    ----------
    kind : type
    value : object
        Numbers, texts, lists and mappings.
    place : tuple of str
        Path of keys to it, for errors.
    beside : mapping, optional
        The entry that it stands in.

    Returns
    -------
    object
        A mapping stays as it is where it holds changes, or lacks fields that only code can set.

    Raises
    ------
    ContradictionError
        If some fields do not go together; its `place` is the path of the settings.
    """
    own = settings_in(kind)
    if own is not None and isinstance(value, Mapping):
        return _build_settings(own, kind, value, place, beside or {})
    origin, arguments = _plain(kind)
    if NoneType in arguments:
        (other,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else build(other, value, place)
    if origin is tuple:
        return tuple(build(arguments[0], item, place) for item in value)
    if origin is Mapping and arguments[1] is not Any:
        return {name: build(arguments[1], part, (*place, name)) for name, part in value.items()}
    return value


def _build_settings(
    settings: Any,
    kind: Any,
    entry: Mapping[str, Any],
    place: tuple[str, ...],
    beside: Mapping[str, Any],
) -> Any:
    elsewhere = {name: beside[name] for name in left_out(kind) if name in beside}
    values = {
        name: build(part, entry[name], (*place, name), entry) if holds_others else entry[name]
        for name, part, holds_others in _parts(settings)
        if name in entry
    }
    values |= {name: value for name, value in elsewhere.items() if name not in values}
    if not _needed(settings) <= values.keys():
        return entry
    try:
        return settings(**values)
    except ContradictionError as error:
        error.place = error.place or place
        raise
