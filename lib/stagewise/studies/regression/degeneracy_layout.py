"""Layouts of the count of degenerate directions along training, and of LLCs of parts of the network."""

from __future__ import annotations

from stagewise.llc.estimate_layout import VERDICT
from stagewise.stores.layout import StoreLayout, Variable, along, with_errors

SOURCES = ("channels", "directions", "tokens")
"""Why an input direction carries nothing: weights of a layer norm that vanish; other directions that
inputs do not take although all tokens are seen; what attention adds by ignoring tokens."""

DEGENERACY = StoreLayout(
    "degeneracy",
    {
        "lost": Variable(
            ("step", "below", "map", "source"),
            "parameters",
            "parameters of a linear map that no input reaches",
        ),
        "weight_norm": Variable(("step",), "1", "norm of all parameters"),
    },
)

LLC_REFINED = StoreLayout(
    "llc_refined",
    {
        **with_errors(
            {"llc": Variable(("step", "part"), "1", "LLC of a part of the parameters")},
            {"_stderr": "standard error over chains of"},
        ),
        "num_parameters": Variable(("part",), "parameters", "size of a part"),
        **along(("step", "part"), VERDICT),
    },
)
"""The other parameters are held where they are."""
