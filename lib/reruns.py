"""Why a job would run again: what Snakemake's dry run says, cut down to what has changed.

``snakemake --dry-run ... | python -m lib.reruns``; ``make why`` does this.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_JOB = re.compile(r"^(?:local)?rule (\w+):$")
_FIELD = re.compile(r"^    (output|reason): (.*)$")
_PARAMS = re.compile(r"Params have changed since last execution: .*?before: (.*) now: (.*)$")
_NOTHING_EXCLUSIVE = "<nothing exclusive>"
_CODE = (".py",)
_SHOWN_FILES = 3


class RerunError(ValueError):
    """The text is not that of a dry run; it is the message."""


@dataclass(frozen=True)
class Job:
    """A job that would run.

    Parameters
    ----------
    rule : str
    output : str
        Its first file.
    reasons : tuple of str
        Why it would run, one thing each.
    """

    rule: str
    output: str
    reasons: tuple[str, ...]


def explain(text: str) -> str:
    """Return for each rule of a dry run its jobs and why they would run.

    Parameters
    ----------
    text : str
        What ``snakemake --dry-run`` says, reasons included.

    Raises
    ------
    RerunError
        If the dry run did not come to its end.
    """
    if "Nothing to be done" in text:
        return "Nothing would run: all is as it was made.\n"
    alike = defaultdict(list)
    for job in planned_jobs(text):
        alike[job.rule, job.reasons].append(job.output)
    if not alike:
        raise RerunError(text)
    lines = []
    for (rule, reasons), outputs in alike.items():
        others = f" and {len(outputs) - 1} more" if len(outputs) > 1 else ""
        lines += [f"{rule}: {outputs[0]}{others}", *(f"    {reason}" for reason in reasons)]
    return "\n".join(lines) + "\n"


def planned_jobs(text: str) -> list[Job]:
    """Return the jobs of a dry run, in its order, without those that make no file."""
    rule, jobs, fields = "", [], dict[str, str]()
    for line in text.splitlines():
        if match := _JOB.match(line):
            rule, fields = match[1], {}
        elif match := _FIELD.match(line):
            fields[match[1]] = match[2]
            if match[1] == "reason" and "output" in fields:
                reasons = tuple(_reasons(match[2]))
                jobs.append(Job(rule, fields["output"].split(", ")[0], reasons))
    return jobs


def _reasons(text: str) -> Iterator[str]:
    changed = _PARAMS.search(text)
    rest = text[: changed.start()] if changed else text
    for reason in filter(None, rest.split("; ")):
        kind, _, files = reason.partition(": ")
        shown = sorted(files.split(", "))
        more = len(shown) - _SHOWN_FILES
        ending = f" and {more} more" if more > 0 else ""
        named = ", ".join(shown[:_SHOWN_FILES]) + ending
        yield f"{kind.lower()}: {named}" if files else kind.lower()
    if changed:
        yield from _changes(_values(changed[1]), _values(changed[2]))


def _values(text: str) -> list[Any]:
    """Return the parameters of one side of a comparison; as text where they cannot be read."""
    if text.strip() == _NOTHING_EXCLUSIVE:
        return []
    try:
        return list(ast.literal_eval(f"({text},)"))
    except (SyntaxError, ValueError):
        return [text.strip()]


def _changes(before: list[Any], now: list[Any]) -> Iterator[str]:
    """Yield what differs between parameters, by key where they have keys."""
    left, right = _entries(before), _entries(now)
    for key in sorted(left.keys() | right.keys()):
        if left.get(key) == right.get(key):
            continue
        if key.endswith(_CODE):
            yield f"{key} {_change_of_code(key in left, key in right)}"
        else:
            yield f"{key}: {left.get(key, 'nothing')} before, {right.get(key, 'nothing')} now"


def _change_of_code(before: bool, now: bool) -> str:
    if before and now:
        return "has changed"
    return "is used now" if now else "is used no more"


def _entries(values: list[Any]) -> dict[str, str]:
    """Return the entries of all mappings by dotted key; other values are those of "parameter"."""
    entries: dict[str, str] = {}
    bare = []
    for value in values:
        if isinstance(value, Mapping):
            entries |= dict(_flat(value, ""))
        else:
            bare.append(repr(value))
    if bare:
        entries["parameter"] = ", ".join(sorted(bare))
    return entries


def _flat(value: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key, entry in value.items():
        if isinstance(entry, Mapping):
            yield from _flat(entry, f"{path}{key}.")
        else:
            yield f"{path}{key}", repr(entry)


if __name__ == "__main__":
    try:
        sys.stdout.write(explain(sys.stdin.read()))
    except RerunError as error:
        sys.exit(f"{error}")
