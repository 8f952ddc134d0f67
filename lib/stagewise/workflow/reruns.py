"""Why a job would run again: what Snakemake's dry run says, cut down to what has changed.

``snakemake --dry-run ... | python -m stagewise.workflow.reruns``; ``make why`` does this.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_JOB = re.compile(r"^(?:local)?rule (\w+):$")
_FIELD = re.compile(r"^    (output|reason): (.*)$")
_PARAMS = re.compile(r"Params have changed since last execution: .*?before: (.*) now: (.*)$")
_MISSING = "Missing output files"
_MADE_AGAIN = "Input files updated by another job"
_NOTHING_EXCLUSIVE = "<nothing exclusive>"


class RerunError(ValueError):
    """The text is not that of a dry run which came to its end; it is the message."""


@dataclass(frozen=True)
class Job:
    """A job that would run.

    Parameters
    ----------
    rule : str
    outputs : tuple of str
        Its files.
    reason : str
        Why it would run, in Snakemake's words.
    """

    rule: str
    outputs: tuple[str, ...]
    reason: str


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
    jobs = planned_jobs(text)
    if not jobs:
        raise RerunError(text)
    makers = {output: job.rule for job in jobs for output in job.outputs}
    alike = defaultdict(list)
    for job in jobs:
        alike[job.rule, tuple(reasons(job.reason, makers))].append(job.outputs[0])
    lines = []
    for (rule, why), outputs in alike.items():
        others = f" and {len(outputs) - 1} more" if len(outputs) > 1 else ""
        lines += [f"{rule}: {outputs[0]}{others}", *(f"    {reason}" for reason in why)]
    return "\n".join(lines) + "\n"


def planned_jobs(text: str) -> list[Job]:
    """Return the jobs of a dry run, in its order, without those that make no file."""
    rule, outputs, jobs = "", "", []
    for line in text.splitlines():
        if job := _JOB.match(line):
            rule, outputs = job[1], ""
        elif field := _FIELD.match(line):
            if field[1] == "output":
                outputs = field[2]
            elif outputs:
                jobs.append(Job(rule, tuple(outputs.split(", ")), field[2]))
    return jobs


def reasons(text: str, makers: Mapping[str, str]) -> Iterator[str]:
    """Yield the single reasons of a job.

    Parameters
    ----------
    text : str
        All of them in Snakemake's words.
    makers : mapping of str to str
        The rule that would make a file again, by the file.
    """
    changed = _PARAMS.search(text)
    for reason in filter(None, (text[: changed.start()] if changed else text).split("; ")):
        kind, _, files = reason.partition(": ")
        if kind == _MISSING:
            yield "its output is missing"
        elif kind == _MADE_AGAIN:
            yield f"after {', '.join(sorted({makers[name] for name in files.split(', ')}))}"
        else:
            yield reason[:1].lower() + reason[1:]
    if changed:
        yield from _changes(_values(changed[1]), _values(changed[2]))


def _values(text: str) -> list[Any]:
    """Return the parameters on one side of a comparison; as text where they cannot be read."""
    if text.strip() == _NOTHING_EXCLUSIVE:
        return []
    try:
        return list(ast.literal_eval(f"({text},)"))
    except (SyntaxError, ValueError):
        return [text.strip()]


def _changes(before: Sequence[Any], now: Sequence[Any]) -> Iterator[str]:
    """Yield what differs between parameters, by key where they have keys."""
    left, right = _entries(before), _entries(now)
    for key in sorted(left.keys() | right.keys()):
        if left.get(key) == right.get(key):
            continue
        if key.endswith(".py"):
            yield f"{key} {_change_of_code(key in left, key in right)}"
        else:
            yield f"{key}: {left.get(key, 'nothing')} before, {right.get(key, 'nothing')} now"


def _change_of_code(before: bool, now: bool) -> str:
    if before and now:
        return "has changed"
    return "is used now" if now else "is used no more"


def _entries(values: Sequence[Any]) -> dict[str, str]:
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
