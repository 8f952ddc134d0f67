"""What a JSON schema finds wrong, as one sentence that names the key and what is allowed."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonschema

from stagewise.core.fields import in_words, some_of

# A mistyped key is the cause of what else is wrong, so it is reported first.
_ORDER = ("additionalProperties", "required", "type")


def first_problem(content: Any, schema: Mapping[str, Any]) -> str | None:
    """Return a sentence on the first thing that is wrong with `content`, or None.

    Unknown keys come before missing ones, these before wrong types and those before impossible
    values; among equals the first in the order of the file.

    Parameters
    ----------
    content : object
        What a YAML file holds.
    schema : mapping
        JSON schema, draft 2020-12, with references into its own ``$defs`` only.
    """
    if not isinstance(content, Mapping):
        return f"the file must be a mapping of keys, not {_shown(content)}"
    for path in _keys_that_are_not_text(content):
        return f"the key {_dotted(path)!r} is not text; put it in quotes"
    for path in _with_line_breaks(content):
        return f"{_dotted(path)!r} holds a line break or another control character; take it out"
    if "$defs" in schema:
        rest = {key: value for key, value in schema.items() if key != "$defs"}
        schema = _inlined(rest, schema["$defs"])
    errors = _Validator(schema).iter_errors(content)
    first = min(errors, key=lambda error: _rank(error, content), default=None)
    return None if first is None else _message(first, schema)


def _is_integer(_: Any, value: Any) -> bool:
    """Unlike JSON, tell 4 from 4.0: a count that arrives as a float breaks ranges and shapes."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(_: Any, value: Any) -> bool:
    """Unlike JSON schema, refuse nan and inf, which pass every range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


def _keys_that_are_not_text(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, Mapping):
        for key, child in value.items():
            if not isinstance(key, str):
                yield (*path, str(key))
            yield from _keys_that_are_not_text(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _keys_that_are_not_text(child, (*path, index))


def _with_line_breaks(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of keys and texts that are not one line, as a pattern's ``$`` lets pass."""
    if isinstance(value, Mapping | list):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, child in items:
            if isinstance(key, str) and key and not key.isprintable():
                yield (*path, key)
            yield from _with_line_breaks(child, (*path, key))
    elif isinstance(value, str) and value and not value.isprintable():
        yield path


def _rank(error: jsonschema.ValidationError, content: Mapping[str, Any]) -> tuple[Any, ...]:
    """Order errors by kind and then by where in the file they are."""
    kind = _ORDER.index(error.validator) if error.validator in _ORDER else len(_ORDER)
    position: list[int] = []
    value: Any = content
    for part in error.absolute_path:
        position.append(part if isinstance(value, list) else list(value).index(part))
        value = value[part]
    return kind, position


def _message(error: jsonschema.ValidationError, schema: Mapping[str, Any]) -> str:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        return _about_unknown_key(error, path, schema)
    if error.validator == "required":
        missing = next(key for key in error.schema["required"] if key not in error.instance)
        allowed = in_words(error.schema["properties"][missing])
        return f"missing key {_dotted((*path, missing))!r}; add it as {allowed}"
    allowed = in_words(error.schema)
    hint = _number_hint(error.instance, error.schema)
    return f"{_dotted(path)!r} is {_shown(error.instance)}; it must be {allowed}{hint}"


def _about_unknown_key(
    error: jsonschema.ValidationError, path: tuple[Any, ...], schema: Mapping[str, Any]
) -> str:
    patterns = list(error.schema.get("patternProperties", {}))
    valid = list(error.schema.get("properties", {}))
    unknown = next(
        key
        for key in error.instance
        if key not in valid and not any(re.search(pattern, key) for pattern in patterns)
    )
    dotted = _dotted((*path, unknown))
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
    named = level.get("type", ())
    kinds = [named] if isinstance(named, str) else named
    if not isinstance(value, str) or not {"integer", "number"} & set(kinds):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    if not math.isfinite(number):
        return ""
    text = str(int(number)) if "integer" in kinds and number.is_integer() else repr(number)
    mantissa, exponent_mark, exponent = text.partition("e")
    if exponent_mark and "." not in mantissa:
        text = f"{mantissa}.0e{exponent}"
    return f" (YAML read it as text: write {text}, without quotes)"


def _shown(value: Any) -> str:
    """Return a value as YAML would write it on one line, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _dotted(path: Sequence[Any]) -> str:
    """Join a path: names by dots, positions in lists in brackets."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
