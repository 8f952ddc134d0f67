"""Settings as frozen dataclasses: what each field may hold, and what fields demand of each other.

A field's type carries its bounds in keywords of JSON schema, ``Annotated[int, Bounds(minimum=1)]``; the
common ones have names here. The text below a field describes it, its symbol first and its unit last:
"[gamma] Strength of the pull to w*." or "Largest distance to a match. Unit: log step."

What fields demand of each other are the sentences of `Settings.contradictions`. Settings check
themselves when made; the configuration's schema, checks and reference page are made of them.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Bounds(dict[str, Any]):
    """Marks a type with keywords of JSON schema."""

    def __hash__(self) -> int:  # type: ignore[override]
        """Hash by content: types must have one."""
        return hash(tuple(self.items()))


LARGEST_COUNT = 10**9
"""Above it no integer is a number of something, unless its type names a larger bound."""
LARGEST, SMALLEST = 1e30, 1e-30
"""Sizes between which numbers lie that are not 0: in single precision their products exist."""

# Stores keep seeds as integers of 64 bits.
Seed = Annotated[int, Bounds(minimum=0, maximum=2**63 - 1)]
Count = Annotated[int, Bounds(minimum=1)]
TwoOrMore = Annotated[int, Bounds(minimum=2)]
Positive = Annotated[float, Bounds(exclusiveMinimum=0)]
NotNegative = Annotated[float, Bounds(minimum=0)]
Fraction = Annotated[float, Bounds(exclusiveMinimum=0, exclusiveMaximum=1)]
Share = Annotated[float, Bounds(minimum=0, maximum=1)]
Name = Annotated[str, Bounds(pattern="^[a-z][a-z0-9]{0,39}$")]
Text = Annotated[str, Bounds(pattern=r"\S")]
Several = Annotated[tuple[T, ...], Bounds(minItems=1, uniqueItems=True)]
"""At least one, none twice."""

_BOUNDS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("of at least", operator.ge),
    "exclusiveMinimum": ("above", operator.gt),
    "maximum": ("of at most", operator.le),
    "exclusiveMaximum": ("below", operator.lt),
}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


class ContradictionError(ValueError):
    """Fields that are right one by one do not go together; `place` is their path in a configuration."""

    place: tuple[str, ...]

    def __init__(self, sentence: str, settings: Settings) -> None:
        self.sentence, self.settings, self.place = sentence, settings, ()
        super().__init__(f"{type(settings).__name__}: {self.told(str)}")

    def told(self, name: Callable[[str], str]) -> str:
        """Return the sentence; fields in braces become what `name` makes of them, and their values."""

        def shown(match: re.Match[str]) -> str:
            value: Any = self.settings
            for part in match[1].split("."):
                value = value[part] if isinstance(value, Mapping) else getattr(value, part)
            plain = list(value) if isinstance(value, tuple) else "null" if value is None else value
            return f"{name(match[1])} ({shortened(str(plain))})"

        sentence = re.sub(r"\[([a-z][a-z0-9_.]*)\]", lambda match: name(match[1]), self.sentence)
        return re.sub(r"\{([a-z][a-z0-9_.]*)\}", shown, sentence)


class Settings:
    """Base of settings, which are frozen dataclasses.

    Raises
    ------
    ValueError
        If a value is out of range, or some do not go together; names the fields.
    """

    def __post_init__(self) -> None:
        own: Any = type(self)
        for name, allowed in limits_of(own).items():
            value = getattr(self, name)
            if not fits(value, allowed):
                reason = out_of_reach(value, allowed)
                raise ValueError(
                    f"{type(self).__name__}.{name} must be {in_words(allowed)}{reason}, not {value!r}"
                )
        for sentence in self.contradictions():
            raise ContradictionError(sentence, self)

    def contradictions(self) -> Iterator[str]:
        """Yield what fields demand of each other and do not get, each as a sentence with a remedy.

        A field in braces, as in ``{num_heads} must divide {embed_dim}``, stands for its name and value;
        one in brackets, ``[experiments]``, for its name alone.
        """
        return iter(())


@functools.cache
def types_of(settings: Any) -> dict[str, Any]:
    """Return the type of each field, bounds included."""
    hints = get_type_hints(settings, include_extras=True)
    return {field.name: hints[field.name] for field in fields(settings)}


@functools.cache
def limits_of(settings: Any) -> dict[str, dict[str, Any]]:
    """Return what each field allows."""
    return {name: limits(kind) for name, kind in types_of(settings).items()}


def limits(kind: Any) -> dict[str, Any]:
    """Return what a type allows as JSON schema; settings and mappings are objects of any kind here."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        bounds = [mark for mark in kind.__metadata__ if isinstance(mark, Bounds)]
        return functools.reduce(operator.or_, bounds, limits(kind.__origin__))
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, UnionType):
        if NoneType not in arguments:  # one of several settings
            return {"type": "object"}
        (other,) = (argument for argument in arguments if argument is not NoneType)
        return {**limits(other), "type": [limits(other)["type"], "null"]}
    if origin is tuple:
        sizes = ("minItems", "maxItems") if arguments[-1] is not ... else ()
        return {
            "type": "array",
            "items": limits(arguments[0]),
            **dict.fromkeys(sizes, len(arguments)),
        }
    return {"type": _TYPES.get(kind, "object")}


def fits(value: Any, allowed: Mapping[str, Any]) -> bool:
    """Return whether a value is allowed; a tuple is an array, and text is one line without controls."""
    if "enum" in allowed:
        return isinstance(value, str) and value in allowed["enum"]
    if not of_type(value, allowed):
        return False
    if isinstance(value, str):
        return value.isprintable() and matches(allowed.get("pattern", ""), value)
    if isinstance(value, list | tuple):
        return (
            allowed.get("minItems", 0) <= len(value) <= allowed.get("maxItems", math.inf)
            and not (allowed.get("uniqueItems") and _has_twice(value))
            and all(fits(item, allowed["items"]) for item in value)
        )
    if value is None or isinstance(value, bool) or "object" in allowed["type"]:
        return True
    return not out_of_reach(value, allowed) and all(
        holds(value, allowed[key]) for key, (_, holds) in _BOUNDS.items() if key in allowed
    )


def of_type(value: Any, allowed: Mapping[str, Any]) -> bool:
    """Return whether a value is of one of the types that a JSON schema names.

    Other than in JSON, 4.0 is no integer, for a count that arrives as a float breaks ranges and shapes;
    neither nan nor a bool is a number, and an object is anything.
    """
    kinds = allowed["type"]
    kind = _KINDS.get(type(value)) or _unusual_kind(value)
    if kind == "number" and not math.isfinite(value):
        return False
    return kind in kinds or (kind == "integer" and "number" in kinds) or "object" in kinds


_KINDS: Mapping[type, str] = {
    **{NoneType: "null", bool: "boolean", int: "integer", float: "number", str: "string"},
    **{list: "array", tuple: "array", dict: "object"},
}


def _unusual_kind(value: Any) -> str:
    """Return the type of a value that is of no built-in one, as numbers of numpy are."""
    kinds = {"integer": Integral, "number": Real, "string": str, "array": list | tuple}
    return next((name for name, kind in kinds.items() if isinstance(value, kind)), "object")


def out_of_reach(value: Any, allowed: Mapping[str, Any]) -> str:
    """Say what a number must be, whatever it stands for; nothing if it is not too large or small."""
    kinds, kind = allowed.get("type", ()), _KINDS.get(type(value)) or _unusual_kind(value)
    if kind == "integer" and "integer" in kinds:
        within = value <= LARGEST_COUNT or "maximum" in allowed
        return "" if within else f" and at most {LARGEST_COUNT}"
    if kind not in ("integer", "number") or "number" not in kinds:
        return ""
    within = value == 0 or SMALLEST <= abs(value) <= LARGEST
    return "" if within else f", in size between {SMALLEST:g} and {LARGEST:g}"


def matches(pattern: str, text: str) -> bool:
    """Return whether a JSON schema's pattern is in a text; its `$` is the end, after any line break."""
    return re.search(_strict(pattern), text) is not None


@functools.cache
def _strict(pattern: str) -> str:
    return pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern


def _has_twice(values: Sequence[Any]) -> bool:
    return any(value in values[:number] for number, value in enumerate(values))


def in_words(allowed: Mapping[str, Any]) -> str:
    """Say what a JSON schema without references allows."""
    if "enum" in allowed:
        return f"one of {', '.join(map(str, allowed['enum']))}"
    kinds = allowed["type"] if isinstance(allowed["type"], list) else [allowed["type"]]
    words = {
        "null": lambda: "null",
        "boolean": lambda: "true or false",
        "string": lambda: _text_in_words(allowed.get("pattern", "")),
        "integer": lambda: f"an integer{_range(allowed)}",
        "number": lambda: f"a number{_range(allowed)}",
        "array": lambda: _list_in_words(allowed),
        "object": lambda: _mapping_in_words(allowed),
    }
    return " or ".join(words[kind]() for kind in sorted(kinds, key="null".__ne__))


def shortened(text: str, most: int = 60) -> str:
    """Return a text, its beginning where it is long."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def some_of(names: Sequence[str], most: int = 9) -> str:
    """Return names for a sentence, the first of them where there are many."""
    rest = len(names) - most
    more = f" and {rest} more (docs/configuration.md)" if rest > 0 else ""
    return ", ".join(names[:most]) + more


def _range(allowed: Mapping[str, Any]) -> str:
    parts = [f"{word} {allowed[key]}" for key, (word, _) in _BOUNDS.items() if key in allowed]
    return f" {' and '.join(parts)}" if parts else ""


def _text_in_words(pattern: str) -> str:
    return {"": "text", r"\S": "text that is not blank"}.get(
        pattern, f"text that matches {pattern}"
    )


def _list_in_words(allowed: Mapping[str, Any]) -> str:
    least, most = allowed.get("minItems", 0), allowed.get("maxItems")
    size = f"exactly {least}" if least == most else f"at least {least}"
    once = ", none twice" if allowed.get("uniqueItems") else ""
    return f"a list of {size}{once}, each {in_words(allowed['items'])}"


def _mapping_in_words(allowed: Mapping[str, Any]) -> str:
    if "properties" in allowed:
        return f"a mapping with keys among {some_of(list(allowed['properties']))}"
    names = list(allowed.get("patternProperties", ()))
    return f"a mapping with names that match {names[0]}" if names else "a mapping"
