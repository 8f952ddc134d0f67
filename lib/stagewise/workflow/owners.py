"""What every file is made from: by the rules, for the configuration that they are read with.

A file's identity follows from the parameters of the rule that makes it and from the identities of what
that reads. Code is left out, and so are parameters that change how a result is computed but not what it
is. Each job knows those of its own files (`stores.seals.own`), so that no reader takes a result of other
settings for one of these, wherever Snakemake's records are.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stagewise.stores.identity import digest_of
from stagewise.stores.seals import Owner

NO_EFFECT = frozenset(
    {
        *("code", "device", "logs", "patterns"),
        *("segment_steps", "seeds_per_batch", "seeds_together", "shard_size"),
        *("chains_at_a_time", "checkpoints_at_a_time"),
    }
)
"""Parameters, and keys inside of them, that change no result."""

_PARTS = {"llc_shard": frozenset({"steps"})}
"""Parameters that say which part of a result a job makes; the rule that joins the parts checks them."""

_OF_A_JOB = {"input", "output", "threads", "resources"}


class Owners:
    """Owners of files by path.

    Parameters
    ----------
    rules : callable
        Returns the rules of the workflow, as Snakemake has them.
    """

    def __init__(self, rules: Callable[[], Iterable[Any]]) -> None:
        self._rules = rules
        self._known: dict[str, Owner | None] = {}

    def of(self, *groups: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Return what `stores.seals.own` takes, for files that a rule makes; others have no owner."""
        paths = [str(path) for group in groups for path in group]
        found = {path: self.owner(path) for path in paths}
        return {path: (one.made, one.identity) for path, one in found.items() if one}

    def owner(self, path: str) -> Owner | None:
        """Return the owner of one file; None for a file that no rule makes."""
        if path not in self._known:
            rule = next((rule for rule in self._rules() if _makes(rule, path)), None)
            self._known[path] = None if rule is None else self._made_by(rule, path)
        return self._known[path]

    def _made_by(self, rule: Any, path: str) -> Owner:
        wildcards = {key: str(value) for key, value in rule.get_wildcards(path).items()}
        inputs = rule.expand_input(wildcards)[0]
        upstream = {one.identity for one in map(self.owner, map(str, inputs)) if one}
        named = type(inputs)(fromdict=wildcards)
        left_out = NO_EFFECT | _PARTS.get(rule.name, frozenset())
        params = {
            name: value(named) if callable(value) else value
            for name, value in rule.params._allitems()
            if name not in left_out and not _derived(value)
        }
        content = [rule.name, wildcards, _plain(params), sorted(upstream)]
        if rule.name in _PARTS:
            content[1] = {key: value for key, value in wildcards.items() if key != "shard"}
        made = " ".join([rule.name, "/".join(wildcards.values())]).strip()
        return Owner(made, digest_of(content))


def _makes(rule: Any, path: str) -> bool:
    return any(product.match(path) for product in rule.output)


def _derived(value: Any) -> bool:
    """Return whether a parameter is a function of the job's files or resources."""
    return callable(value) and not _OF_A_JOB.isdisjoint(_arguments(value))


@functools.cache
def _arguments(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)


def _plain(value: Any) -> Any:
    """Return a value for JSON, without the keys that have no effect."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if key not in NO_EFFECT}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | None) else repr(value)
