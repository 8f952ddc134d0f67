"""What a JSON schema finds wrong, as one sentence that names the key and what is allowed."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stagewise.core.fields import fits, in_words, matches, of_type, out_of_reach, shortened, some_of

# A mistyped key is the cause of what else is wrong, so it is reported first.
_UNREADABLE, _UNKNOWN, _MISSING, _TYPE, _VALUE = range(5)

_CONTROL = "holds a line break or another control character; take it out"


@dataclass(frozen=True)
class _Problem:
    """Something that is wrong: its place in the order of reports, where, and the schema there.

    The value is that of a key, or a key that is unreadable itself.
    """

    kind: int
    path: tuple[Any, ...]
    value: Any
    level: Mapping[str, Any]


def first_problem(content: Any, schema: Mapping[str, Any]) -> str | None:
    """Return a sentence on the first thing that is wrong with `content`, or None.

    Unknown keys come before missing ones, these before wrong types and those before impossible
    values; among equals the first in the order of the file.

    Parameters
    ----------
    content : object
        What a YAML file holds.
    schema : mapping
        JSON schema, draft 2020-12, of the keywords that `core.fields.fits` knows and those of mappings,
        closed at every level, with references into its own ``$defs`` only.
    """
    schema = _plain(schema)
    first = min(_problems(content, schema, ()), key=lambda one: one.kind, default=None)
    return None if first is None else _message(first, schema)


def problems(content: Any, schema: Mapping[str, Any]) -> list[str]:
    """Return a sentence on each thing that is wrong with `content`; see `first_problem`."""
    schema = _plain(schema)
    return [_message(one, schema) for one in _problems(content, schema, ())]


def _plain(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$defs" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$defs"}
    return _inlined(rest, schema["$defs"])


def _problems(value: Any, level: Mapping[str, Any], path: tuple[Any, ...]) -> Iterator[_Problem]:
    """Yield what is wrong with one value, or with those inside it, in the order of the file."""
    if level.get("type") == "object":
        if isinstance(value, Mapping):
            yield from _problems_of_mapping(value, level, path)
        else:
            yield _Problem(_TYPE, path, value, level)
        return
    items = level.get("items", {})
    if (unfit := not fits(value, level)) or items.get("type") == "object":
        inside = enumerate(value if isinstance(value, list) and items else ())
        found = [one for n, part in inside for one in _problems(part, items, (*path, n))]
        typed = "type" not in level or of_type(value, level)
        kind = _UNREADABLE if _holds_controls(value) else _VALUE if typed else _TYPE
        yield from found or ([_Problem(kind, path, value, level)] if unfit else [])


def _problems_of_mapping(
    value: Mapping[Any, Any], level: Mapping[str, Any], path: tuple[Any, ...]
) -> Iterator[_Problem]:
    own, named = level.get("properties", {}), level.get("patternProperties", {})
    for key in level.get("required", ()):
        if key not in value:
            yield _Problem(_MISSING, (*path, key), None, own[key])
    for key, part in value.items():
        if not isinstance(key, str) or _holds_controls(key):
            yield _Problem(_UNREADABLE, (*path, str(key)), key, level)
        elif key in own:
            yield from _problems(part, own[key], (*path, key))
        else:
            inner = next((some for name, some in named.items() if matches(name, key)), None)
            if inner is None:
                yield _Problem(_UNKNOWN, (*path, key), None, level)
            else:
                yield from _problems(part, inner, (*path, key))


def _holds_controls(value: Any) -> bool:
    return isinstance(value, str) and not value.isprintable()


def _message(problem: _Problem, schema: Mapping[str, Any]) -> str:
    place = repr(_dotted(problem.path))
    if problem.kind == _UNREADABLE:
        named = isinstance(problem.value, str)
        return f"{place} {_CONTROL}" if named else f"the key {place} is not text; put it in quotes"
    if not problem.path:
        return f"the file must be a mapping of keys, not {shown(problem.value)}"
    if problem.kind == _UNKNOWN:
        return _about_unknown_key(problem.path, problem.level, schema)
    allowed = in_words(problem.level)
    if problem.kind == _MISSING:
        return f"missing key {place}; add it as {allowed}"
    hint = _number_hint(problem.value, problem.level) or out_of_reach(problem.value, problem.level)
    return f"{place} is {shown(problem.value)}; it must be {allowed}{hint}"


def _about_unknown_key(
    path: tuple[Any, ...], level: Mapping[str, Any], schema: Mapping[str, Any]
) -> str:
    patterns, valid = list(level.get("patternProperties", {})), list(level.get("properties", {}))
    unknown, dotted = path[-1], _dotted(path)
    if patterns:
        return f"{dotted!r} is not a valid name; names here match {patterns[0]}: rename it"
    close = difflib.get_close_matches(unknown, valid, n=1)
    homes = _homes(schema)
    elsewhere = [unknown] if unknown in homes else []
    if not close and not elsewhere:
        elsewhere = difflib.get_close_matches(unknown, homes, n=1)
    remedies = [f"did you mean {close[0]!r}?"] if close else []
    if elsewhere:
        places = " or ".join(repr(_dotted(place)) for place in homes[elsewhere[0]][:3])
        remedies.append(f"{elsewhere[0]!r} belongs at {places}")
    listing = f"valid keys here are {some_of(valid)}"
    return "; ".join([f"unknown key {dotted!r}", *(remedies or [listing])])


def _homes(
    level: Mapping[str, Any], path: tuple[str, ...] = ()
) -> dict[str, list[tuple[str, ...]]]:
    """Return the paths of every key where the schema requires it, by the key's own name.

    A variant's settings, where nothing is required, only repeat keys that live elsewhere.
    """
    homes: dict[str, list[tuple[str, ...]]] = {}
    children = [(key, level["properties"][key]) for key in level.get("required", ())]
    for key, _ in children:
        homes.setdefault(key, []).append((*path, key))
    children += [("<name>", child) for child in level.get("patternProperties", {}).values()]
    for key, child in children:
        for name, places in _homes(child, (*path, key)).items():
            homes.setdefault(name, []).extend(places)
    return homes


def _inlined(part: Any, definitions: Mapping[str, Any]) -> Any:
    """Return a part of a schema with what its references point at in their place."""
    if isinstance(part, list):
        return [_inlined(item, definitions) for item in part]
    if not isinstance(part, Mapping):
        return part
    plain = {key: _inlined(value, definitions) for key, value in part.items() if key != "$ref"}
    if "$ref" not in part:
        return plain
    target = definitions[part["$ref"].removeprefix("#/$defs/")]
    return {**_inlined(target, definitions), **plain}


def _number_hint(value: Any, level: Mapping[str, Any]) -> str:
    """Explain a number that arrived as text: YAML takes 3e-4 and 1e5 for words."""
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return ""
    if number.is_integer() and "integer" in level.get("type", ()):
        number = int(number)
    if not fits(number, level):
        return ""
    text = repr(number)
    mantissa, exponent_mark, exponent = text.partition("e")
    if exponent_mark and "." not in mantissa:
        text = f"{mantissa}.0e{exponent}"
    return f" (YAML read it as text: write {text}, without quotes)"


def shown(value: Any) -> str:
    """Return a value as YAML would write it on one line, shortened."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):  # keys that JSON has not; an integer of thousands of digits
        return "what cannot be shown"
    return shortened(text if text.isprintable() else ascii(text)[1:-1])


def _dotted(path: Sequence[Any]) -> str:
    """Join a path: names by dots, positions in lists in brackets."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
