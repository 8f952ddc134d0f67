"""Layouts of the stores and tables of the S-curve study."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, TableLayout
from stagewise.studies.scurves.curves_layout import CURVES as CURVES

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
    *("least_rate",),
    *("plateau_ratio", "plateau_steps", "rate", "rate_explained"),
    *("tail_exponent", "tail_rate", "tail_aic_difference", "target_time", "target_spread"),
    *("converged", "converged_step", "bumps", "explained_bumps", "vectors", "bumped_vectors"),
    *("competing_vectors", "bumped_competing_vectors"),
    *(
        "decay_first",
        "early_linear",
        "later_exponential",
        "levels_off",
        "orthogonal_ratio",
        "aligned_start",
    ),
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

CONTRASTS = TableLayout(
    "scurves_contrasts",
    {
        "kind": Column(str, choices=("adam", "competition")),
        "setting": Column(str),
        "runs": Column(int, least=0),
        **dict.fromkeys(("difference", "low", "high"), Column(float, nullable=True)),
        "level": Column(float, above=0, most=1),
    },
    unique=("kind", "setting"),
)
"""Differences in bumps with their intervals; `scurves.contrasts` defines them."""
