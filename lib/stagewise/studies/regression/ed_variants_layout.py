"""Layout of the essential dynamics of outputs, weights and gradients at the same checkpoints."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

ED_VARIANTS = StoreLayout(
    "ed_variants",
    {
        "scores": Variable(("variant", "step", "pc"), "1", "principal component score"),
        "explained_variance_ratio": Variable(
            ("variant", "pc"), "1", "share of the variance over time"
        ),
    },
)
"""Scores are in the units of the variant: outputs, weights, or loss per weight."""
