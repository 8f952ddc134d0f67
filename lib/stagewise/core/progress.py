"""A heartbeat line for long work: how far, how fast, how long still."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger(__name__)


class Heartbeat:
    """Log progress at most once every `interval` seconds.

    Parameters
    ----------
    label : str
        What is being counted, such as "training step".
    total : int
        Count at the end.
    start : int
        Count already reached, when work resumes.
    interval : float
        Least time between lines, in seconds.
    """

    def __init__(self, label: str, total: int, start: int = 0, interval: float = 15.0) -> None:
        self.label, self.total, self.start, self.interval = label, total, start, interval
        self.began = self.spoke = time.monotonic()

    def beat(self, count: int, note: str = "") -> None:
        """Report that `count` is reached; `note` is added to the line."""
        now = time.monotonic()
        if now - self.spoke < self.interval and count < self.total:
            return
        self.spoke = now
        rate = (count - self.start) / max(now - self.began, 1e-9)
        remaining = (self.total - count) / rate if rate > 0 else float("inf")
        logger.info(
            "%s %d/%d (%.0f %%), %.1f/s, %.0f s remaining%s",
            *(self.label, count, self.total, 100 * count / self.total, rate, remaining),
            f", {note}" if note else "",
        )
