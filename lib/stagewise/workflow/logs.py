"""One log per job: to its file and to stderr, uncaught errors included."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from types import TracebackType

from stagewise.stores.seals import StoreError


def log_to(path: str | Path) -> None:
    """Send log records and uncaught exceptions to `path` and to stderr.

    An uncaught exception ends with its own sentence as the last line, after the traceback; that of a
    store, which is no fault of the code, has none.
    """
    handlers: list[logging.Handler] = [logging.FileHandler(path, mode="w"), logging.StreamHandler()]
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        handlers=handlers,
        force=True,
    )

    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if isinstance(error, StoreError):
            logging.error("%s", error)
        else:
            logging.error("failed", exc_info=(kind, error, trace))

    sys.excepthook = report
