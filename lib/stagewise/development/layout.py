"""Layouts of what is made of a run's development: LLC curve, stages, essential dynamics, forms."""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, Ordered, TableLayout

CURVE = StoreLayout(
    "curve",
    {
        "mean": Variable(("grid",), "1", "smoothed LLC"),
        "sd": Variable(("grid",), "1", "posterior standard deviation of the LLC"),
        "slope": Variable(("grid",), "1", "slope of the LLC in log(1 + step)"),
        "slope_sd": Variable(("grid",), "1", "posterior standard deviation of the slope"),
        "slope_draws": Variable(("draw", "grid"), "1", "posterior draws of the slope"),
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
)

FORMS = StoreLayout(
    "forms",
    {
        "smoothed": Variable(("step", "pc"), "output", "smoothed score"),
        "form_step": Variable(("form",), "step", "time of the form"),
        "centre": Variable(
            ("form", "pc"), "output", "centre of the form in principal component space"
        ),
        "lift_residual": Variable(
            ("form",), "1", "disagreement of the centres over the trajectory's size"
        ),
        "potential": Variable(("form", "step"), "output^2", "form potential, unsmoothed"),
        "p_value": Variable(
            ("form",), "1", "share of random walks with a form of at least this extent"
        ),
    },
)

MILESTONES = TableLayout(
    "milestones",
    {
        "run": Column(str),
        "setting": Column(str),
        "step": Column(float, least=0),
        "log_step": Column(float, nullable=True),
        "kind": Column(str, choices=("plateau", "near-plateau"), coerce=True),
        "llc": Column(float, nullable=True),
        "interval_low": Column(float, nullable=True),
        "interval_high": Column(float, nullable=True),
        "probability": Column(float, least=0, most=1),
    },
)

STAGES = TableLayout(
    "stages",
    {
        "run": Column(str),
        "setting": Column(str),
        "stage": Column(int, least=1),
        "start": Column(float, least=0),
        "end": Column(float, above=0),
        "type": Column(str, choices=("A", "B")),
        "llc_start": Column(float, nullable=True),
        "llc_end": Column(float, nullable=True),
        "llc_change": Column(float, nullable=True),
    },
    ordered=Ordered("start", "end"),
)
