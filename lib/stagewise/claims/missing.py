"""Stores that hold no answer, as evidence: whatever looks into one cannot be tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from stagewise.core.unanswered import UnansweredError


class Missing:
    """Stands for what there is no answer to; raises `UnansweredError` when it is looked into.

    Parameters
    ----------
    reason : str
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def _raise(self, *_: object) -> NoReturn:
        raise UnansweredError(self.reason, told=True)

    __getattr__ = __getitem__ = __contains__ = __iter__ = __len__ = _raise


def found(read: Callable[..., Any], *paths: Any) -> Any:
    """Return what is read, or `Missing` where it holds no answer."""
    try:
        return read(*paths)
    except UnansweredError as error:
        return Missing(str(error))
