"""Layouts of the stores and tables of the S-curve study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, TableLayout

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

FLOW = StoreLayout(
    "scurves_flow",
    {
        "loss": Variable(("case", "seed", "step"), "loss", "loss along the gradient flow"),
        "norm": Variable(
            ("case", "seed", "step", "component"),
            "1",
            "length of the first learned vector along the flow",
        ),
    },
)

MEASURED = (
    *("initial_loss", "null_loss", "final_loss", "norm_min_step", "norm_min_ratio"),
    *("best_cosine", "span_angle", "leading_angle"),
    *("num_plateaus", "decay_end", "plateau_end", "level", "half_drop", "drop_steps", "censored"),
    *("least_slope",),
    *("plateau_ratio", "plateau_steps", "rate", "rate_explained"),
    *("tail_exponent", "tail_rate", "tail_aic_difference", "target_time", "target_spread"),
    *("converged", "converged_step", "bumps", "explained_bumps", "vectors", "bumped_vectors"),
    *("competing_vectors", "bumped_competing_vectors"),
    *("decay_first", "early_linear", "later_exponential", "levels_off", "orthogonal_ratio"),
    "flow_deviation",
)
"""Measures of a run, NaN where they do not apply; `scurves.measures` defines them."""

MEASURES = TableLayout(
    "scurves_measures",
    {
        "setting": Column(str),
        "case": Column(int, least=0),
        "learning_rate": Column(float, above=0),
        "weight_decay": Column(float, least=0),
        "rank": Column(int, least=1),
        "num_components": Column(int, least=1),
        "seed": Column(int, least=0),
        "diverged": Column(bool),
        **dict.fromkeys(MEASURED, Column(float, nullable=True)),
    },
    unique=("setting", "case", "seed"),
)
