"""No answer: what an instrument says of input on which it cannot work, such as a run that diverged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARK = "not_testable"
"""Attribute, or only column, of a file that holds no answer but the reason why there is none."""


class UnansweredError(ValueError):
    """An instrument has no answer; the message says why, in one sentence.

    Parameters
    ----------
    reason : str
    told : bool
        Whether the reason was read from a store, and so says already whose it is.
    """

    def __init__(self, reason: str, told: bool = False) -> None:
        super().__init__(reason)
        self.told = told


def require_answer(attributes: Mapping[Any, Any]) -> None:
    """Raise `UnansweredError` where the attributes of a store say that it holds no answer."""
    if MARK in attributes:
        raise UnansweredError(str(attributes[MARK]), told=True)
