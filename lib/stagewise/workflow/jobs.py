"""What surrounds the work of every job: its log, and reasons where there cannot be results."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from stagewise.core.unanswered import UnansweredError
from stagewise.stores.unanswered import can_hold, write_unanswered
from stagewise.workflow.logs import log_to

_ABOVE = 3
"""Folders above those of a study's runs: results, preset, study."""


@contextlib.contextmanager
def job(log: str | Path, outputs: Iterable[str | Path]) -> Iterator[None]:
    """Log what happens; where there is no answer, let every output hold the reason.

    Parameters
    ----------
    log : path
    outputs : iterable of path
        What the job makes. Where one of them cannot hold a reason, the job fails with it instead.
    """
    log_to(log)
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
