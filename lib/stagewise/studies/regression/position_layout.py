"""Layout of the store of LLCs by position of the context."""

from __future__ import annotations

from stagewise.llc.estimate_layout import VERDICT
from stagewise.stores.layout import StoreLayout, Variable, along, with_errors

LLC_BY_POSITION = StoreLayout(
    "llc_by_position",
    {
        **with_errors(
            {
                "llc": Variable(("step", "position"), "1", "LLC of the loss at position k"),
                "llc_mean": Variable(("step",), "1", "LLC of the mean loss"),
            },
            {"_stderr": "standard error over chains of"},
        ),
        **along(("step",), VERDICT),
    },
)
"""Verdicts are of the LLC of the mean loss, whose chains they are."""
