"""Layout of the curves that a run of the S-curve study records.

It stands apart from the layouts of what is made of them, so that no edit of those trains again.
"""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable

CURVES = StoreLayout(
    "scurves",
    {
        "loss": Variable(("case", "seed", "step"), "loss", "loss on the task"),
        "norm": Variable(
            ("case", "seed", "step", "component", "vector"), "1", "length of a learned vector"
        ),
        "cosine": Variable(
            ("case", "seed", "step", "vector", "target"),
            "1",
            "cosine of learned vector and target, first component",
        ),
        "aligned": Variable(
            ("case", "seed", "step", "component"),
            "1",
            "part of the first learned vector along the first target",
        ),
        "captured": Variable(
            ("case", "seed", "step", "captured_target"),
            "1",
            "share of a target in the learned tensor",
        ),
        "null_loss": Variable(("seed",), "loss", "loss of the zero tensor"),
        "diverged": Variable(("case", "seed"), "1", "whether the run diverged"),
        "best_cosine": Variable(
            ("case", "seed"),
            "1",
            "median over learned vectors of the largest |cosine| with a target, at the end",
        ),
        "span_angle": Variable(
            ("case", "seed"),
            "rad",
            "largest principal angle between the spans of learned and target vectors, at the end",
        ),
        "leading_angle": Variable(
            ("case", "seed"),
            "rad",
            "largest principal angle between the leading singular subspaces, at the end",
        ),
    },
)
