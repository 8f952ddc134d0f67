"""Settings check themselves; what a type allows is the same to them, to a schema and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import numpy as np
import pytest

from stagewise.core.entries import Changes, Derived, LeftOut, build, schema_of
from stagewise.core.fields import (
    Bounds,
    ContradictionError,
    Count,
    Fraction,
    Name,
    Positive,
    Settings,
    Several,
    fits,
    in_words,
    limits,
)


@dataclass(frozen=True)
class Network(Settings):
    """Heads and their width."""

    width: Count
    heads: Count = 1
    kind: Literal["wide", "deep"] = "wide"

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the heads."""
        if self.width % self.heads:
            yield "{heads} must divide {width}; change one of the two"


@dataclass(frozen=True)
class Study(Settings):
    """A study with everything that an entry may hold."""

    network: Network
    rates: Several[Positive]
    share: Fraction | None
    part: Annotated[Network, LeftOut(("heads",))]
    heads: Count
    variants: Mapping[Name, Annotated[Mapping[str, Any], Changes(Network)]]
    samplers: Mapping[Name, Annotated[Network, Derived("like")]]

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong between sections."""
        if self.heads > self.network.heads:
            yield "{heads} is more than {network.heads} in [network]"


PLAIN: dict[str, Any] = {
    "network": {"width": 6, "heads": 3, "kind": "deep"},
    "rates": [0.1, 0.2],
    "share": None,
    "part": {"width": 4, "kind": "wide"},
    "heads": 2,
    "variants": {"small": {"width": 2}},
    "samplers": {"one": {"width": 1, "heads": 1, "kind": "wide"}},
}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Count, [1, np.int64(3)], [0, 1.0, True, "1", None]),
        (Positive, [0.5, 1, np.float64(2.0)], [0, -1.0, float("nan"), float("inf"), "1", True]),
        (Fraction, [0.5], [0.0, 1.0]),
        (Fraction | None, [0.5, None], [2.0]),
        (bool, [True, False], [0, "yes", None]),
        (Name, ["local2"], ["Local", "two words", 3]),
        (Literal["sgd", "adam"], ["sgd"], ["lion", None]),
        (Several[Count], [(1, 2), [3]], [(), (1, 1), (0,), 3]),
        (tuple[Fraction, Fraction], [(0.5, 0.5)], [(0.5,), (0.5, 1.0)]),
        (Annotated[int, Bounds(minimum=2, maximum=4)], [2, 4], [1, 5]),
    ],
)
def test_a_type_allows_what_its_schema_allows(kind, good, bad):
    allowed = limits(kind)
    jsonschema.Draft202012Validator.check_schema(allowed)
    assert all(fits(value, allowed) for value in good)
    assert not any(fits(value, allowed) for value in bad)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Count, "an integer of at least 1"),
        (Fraction | None, "null or a number above 0 and below 1"),
        (Several[Count], "a list of at least 1, none twice, each an integer of at least 1"),
        (tuple[Count, Count], "a list of exactly 2, each an integer of at least 1"),
        (Literal["sgd", "adam"], "one of sgd, adam"),
    ],
)
def test_what_a_type_allows_in_words(kind, words):
    assert in_words(limits(kind)) == words


def test_settings_refuse_what_their_fields_do_not_allow():
    with pytest.raises(ValueError, match=r"Network\.heads must be an integer of at least 1, not 0"):
        Network(4, heads=0)
    with pytest.raises(ValueError, match=r"Network\.kind must be one of wide, deep, not 'flat'"):
        dataclasses.replace(Network(4), kind="flat")  # type: ignore[arg-type]


def test_fields_that_do_not_go_together_are_named_with_their_values():
    with pytest.raises(
        ValueError, match=r"Network: heads \(3\) must divide width \(4\); change"
    ) as caught:
        Network(4, heads=3)
    assert isinstance(caught.value, ContradictionError)
    told = caught.value.told(lambda field: f"'net.{field}'")
    assert told == "'net.heads' (3) must divide 'net.width' (4); change one of the two"


def test_plain_values_become_settings():
    study = build(Study, PLAIN)
    assert study.network == Network(6, 3, "deep")
    assert study.rates == (0.1, 0.2)
    assert study.part == Network(4, 2, "wide")  # its heads stand beside it
    assert study.variants == {"small": {"width": 2}}
    assert study.samplers == {"one": Network(1)}


@pytest.mark.parametrize(
    ("changes", "place", "told"),
    [
        (
            {"network": {"width": 4, "heads": 3, "kind": "wide"}},
            ("network",),
            "heads (3) must divide",
        ),
        (
            {"samplers": {"one": {"width": 3, "heads": 2}}},
            ("samplers", "one"),
            "heads (2) must divide",
        ),
        ({"heads": 3}, ("part",), "heads (3) must divide width (4)"),
        (
            {"part": {"width": 8}, "heads": 4},
            (),
            "heads (4) is more than network.heads (3) in network",
        ),
    ],
)
def test_a_contradiction_says_where_it_is(changes, place, told):
    with pytest.raises(ContradictionError) as caught:
        build(Study, PLAIN | changes)
    assert caught.value.place == place
    assert caught.value.told(str).startswith(told)


def test_a_schema_is_closed_and_asks_for_every_key_of_what_is_complete():
    schema = schema_of(Study)
    assert not schema["additionalProperties"]
    assert schema["required"] == list(PLAIN)
    assert list(schema["properties"]["part"]["properties"]) == ["width", "kind"]
    jsonschema.validate(PLAIN, schema)
    (sampler,) = schema["properties"]["samplers"]["patternProperties"].values()
    (variant,) = schema["properties"]["variants"]["patternProperties"].values()
    assert sampler["required"] == ["width", "heads", "kind"]
    assert "required" not in variant


def test_a_schema_of_what_is_written_lets_entries_state_what_they_change():
    schema = schema_of(Study, written=True, describe=lambda settings, field: f"{field}.")
    (sampler,) = schema["properties"]["samplers"]["patternProperties"].values()
    assert list(sampler["properties"]) == ["width", "heads", "kind", "like"]
    assert "required" not in sampler
    assert schema["properties"]["network"]["description"] == "network."
    assert next(iter(schema["properties"]["rates"])) == "description"
