"""Layouts of what is made of a run's development: LLC curve, stages, essential dynamics, forms."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, Ordered, TableLayout

_STEP = Variable(("step",), "step", "training step")
_PC = Variable(("pc",), "1", "principal component index")

CURVE = StoreLayout(
    "curve",
    {
        "mean": Variable(("grid",), "1", "smoothed LLC"),
        "sd": Variable(("grid",), "1", "posterior standard deviation of the LLC"),
        "slope": Variable(("grid",), "1", "slope of the LLC in log(1 + step)"),
        "slope_sd": Variable(("grid",), "1", "posterior standard deviation of the slope"),
        "slope_draws": Variable(("draw", "grid"), "1", "posterior draws of the slope"),
        "noise_draws": Variable(("draw", "grid"), "1", "LLC curves that smoothing makes of noise"),
    },
    {
        "grid": Variable(("grid",), "1", "log(1 + step)"),
        "step": Variable(("grid",), "step", "training step"),
    },
)

ED = StoreLayout(
    "ed",
    {
        "scores": Variable(("step", "pc"), "output", "principal component score"),
        "explained_variance_ratio": Variable(("pc",), "1", "share of the variance over time"),
        "mean": Variable(("feature",), "output", "mean output over checkpoints"),
        "components": Variable(("pc", "feature"), "1", "principal component"),
    },
    {"step": _STEP, "pc": _PC},
)

_LIFTED = {
    "moment_step": Variable(("moment",), "step", "time at which a lift is tried", optional=True),
    "moment_residual": Variable(
        ("moment",), "1", "disagreement of the planes' centres over the size", optional=True
    ),
    "plane_centre": Variable(
        ("moment", "pair", "side"), "output", "centre of the circle in each plane", optional=True
    ),
    "null_residual": Variable(
        ("walk", "moment"), "1", "disagreement in a random walk at the run's pace", optional=True
    ),
    "null_smoothed": Variable(
        ("first_walk", "step", "pc"), "output", "smoothed first random walk", optional=True
    ),
}
"""How near a trajectory and its random walks come to a form at any time."""

FORMS = StoreLayout(
    "forms",
    {
        "form_step": Variable(("form",), "step", "time of the form"),
        "centre": Variable(
            ("form", "pc"), "output", "centre of the form in principal component space"
        ),
        "lift_residual": Variable(
            ("form",), "1", "disagreement of the centres over the trajectory's size"
        ),
        "extent": Variable(("form",), "1", "scale of the turn over the size of the plane curve"),
        "constraint_value": Variable(
            ("form", "pc"), "1", "distance of the score from the centre over the trajectory's size"
        ),
        "constraint_slope": Variable(
            ("form", "pc"), "1", "speed of the score in log time over the usual speed"
        ),
        "influence_start": Variable(("form",), "step", "start of the influence range"),
        "influence_end": Variable(("form",), "step", "end of the influence range"),
        "flatness": Variable(
            ("form",), "1", "path inside the influence range over that of a straight pass"
        ),
        "p_value": Variable(
            ("form",),
            "1",
            "share of random walks at the run's pace with a form of this extent or more",
        ),
        "potential": Variable(("form", "step"), "output^2", "form potential, unsmoothed"),
        "kind": Variable(("form", "pair"), "1", "vertex or cusp"),
        "pair_step": Variable(("form", "pair"), "step", "time of the vertex or cusp in the pair"),
        "smoothed": Variable(("step", "pc"), "output", "smoothed score"),
        "event_step": Variable(("event",), "step", "time of a vertex or cusp of a plane curve"),
        "event_pair": Variable(("event",), "1", "pair of principal components that it is of"),
        "event_kind": Variable(("event",), "1", "vertex or cusp"),
        "event_centre": Variable(("event", "side"), "output", "centre of its circle"),
        "null_extent": Variable(
            ("walk",), "1", "extent of the largest form of a random walk, or zero"
        ),
        **_LIFTED,
    },
    {
        "form": Variable(("form",), "1", "form number"),
        "pc": _PC,
        "step": _STEP,
        "pair": Variable(("pair",), "1", "pair of principal components"),
    },
)

FORM_RATES = TableLayout(
    "form_rates",
    {
        "process": Column(str),
        "planted": Column(bool),
        "disturbance": Column(float, least=0),
        "num_trajectories": Column(int, least=1),
        "num_with_form": Column(int, least=0),
        "num_significant": Column(int, least=0),
        "cosine": Column(float, least=0, most=1.000001),
    },
)

OF_RUN = {"run": Column(str), "setting": Column(str)}
"""Whose a row is: a run, and a setting of the sampler."""

MILESTONES = TableLayout(
    "milestones",
    {
        **OF_RUN,
        "step": Column(float, least=0),
        "log_step": Column(float, nullable=True),
        "kind": Column(str, choices=("plateau", "near-plateau"), coerce=True),
        "llc": Column(float, nullable=True),
        "interval_low": Column(float, nullable=True),
        "interval_high": Column(float, nullable=True),
        "probability": Column(float, least=0, most=1),
        "p_value": Column(float, least=0, most=1),
    },
)

SOUND_SHARE = 0.8
"""Stages are read from a curve of which at least this share of estimates has the verdict ok."""

SOUNDNESS = {
    "sound": Column(bool),
    "num_sound": Column(int, least=0),
    "num_estimates": Column(int, least=1),
}
"""Of the estimates behind a curve: whether enough are sound, how many, and of how many."""

STAGES = TableLayout(
    "stages",
    {
        **OF_RUN,
        "stage": Column(int, least=1),
        "start": Column(float, least=0),
        "end": Column(float, above=0),
        "type": Column(str, choices=("A", "B")),
        "llc_start": Column(float, nullable=True),
        "llc_end": Column(float, nullable=True),
        "llc_change": Column(float, nullable=True),
        **SOUNDNESS,
    },
    ordered=Ordered("start", "end"),
)
