"""What surrounds the work of every job: its log, and reasons where there cannot be results."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from stagewise.core.unanswered import UnansweredError
from stagewise.stores.seals import own
from stagewise.stores.unanswered import can_hold, write_unanswered
from stagewise.workflow.logs import log_to

_ABOVE = 3
"""Folders above those of a study's runs: results, preset, study."""


def begin(log: str | Path, owners: Mapping[str, Sequence[str]]) -> None:
    """Send records and uncaught errors to a log, and say what the files of the job are made from.

    Parameters
    ----------
    log : path
    owners : mapping of str to (made, identity)
        By path, as `workflow.owners.Owners.of` gives them.
    """
    log_to(log)
    own(owners)


@contextlib.contextmanager
def job(
    log: str | Path,
    outputs: Iterable[str | Path],
    owners: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Iterator[None]:
    """Begin a job; where there is no answer, let every output hold the reason.

    Parameters
    ----------
    log, owners
        As for `begin`.
    outputs : iterable of path
        What the job makes. Where one of them cannot hold a reason, the job fails with it instead.
    """
    begin(log, owners)
    try:
        yield
    except (UnansweredError, FloatingPointError) as error:
        paths = list(map(Path, outputs))
        if not all(map(can_hold, paths)):
            raise
        reason = reason_of(error, paths[0])
        logging.warning("not testable: %s", reason)
        for path in paths:
            write_unanswered(path, reason)


def reason_of(error: Exception, path: Path) -> str:
    """Return why there is no answer, and of which run, as the path of a result says."""
    owner = "/".join(path.parent.parts[_ABOVE:])
    told = isinstance(error, UnansweredError) and error.told
    sentence = " ".join(str(error).split())
    return sentence if told or not owner else f"{owner}: {sentence}"
