"""Layouts of what is measured of the Hessian, and over the scale gamma / n_beta."""

from __future__ import annotations

from stagewise.llc.estimate_layout import ESTIMATE, LOCALITY, VERDICT, VERDICTS_OF_ESTIMATES
from stagewise.stores.layout import StoreLayout, Variable, along
from stagewise.stores.tables import Column, TableLayout

EIGENVALUES = {
    "trace": Variable((), "loss", "trace of the Hessian"),
    "trace_stderr": Variable((), "loss", "standard error of the trace over probes"),
    "eigenvalue": Variable(("rank",), "loss", "largest eigenvalues of the Hessian"),
}
"""Second derivatives of the loss with respect to parameters, which have no unit."""

HESSIAN = StoreLayout("hessian", along(("step",), EIGENVALUES))

_CELL = {
    **{
        name: ESTIMATE.variables[name]
        for name in ("llc_mean", "llc_stderr", "rhat", "ess", "num_diverged")
    },
    "displacement": LOCALITY["mean_displacement"],
    **VERDICT,
    "soft_count": Variable((), "1", "soft count of the curvature, 1/2 tr H (H + s)^-1"),
    "soft_count_stderr": Variable((), "1", "standard error of the soft count over probes"),
    "too_low": Variable((), "1", "directions of curvature below -s / 2"),
    "gradient_part": Variable((), "1", "what the gradient at w* adds to the soft count"),
}

LLC_SCALE = StoreLayout(
    "llc_scale",
    {
        **along(("step", "cell"), _CELL),
        "n_beta": Variable(("cell",), "1", "inverse temperature times number of samples"),
        "localization": Variable(("cell",), "1", "strength of the pull to w*"),
        "curve": Variable(("step", "scale"), "1", "soft count over the scale"),
        "curve_stderr": Variable(("step", "scale"), "1", "standard error of the soft count"),
        **along(("step",), {"init_loss": ESTIMATE.variables["init_loss"], **EIGENVALUES}),
    },
)
"""Cells are pairs of n_beta and gamma, the first of them that of the setting `local`."""

MEANINGS = ("insensitive", "depends on the scale", "cannot be told", "not sound")

LLC_MEANING = TableLayout(
    "llc_meaning",
    {
        "step": Column(int, least=0),
        "loss": Column(float),
        **dict.fromkeys(("n_beta", "localization", "scale"), Column(float, above=0)),
        "llc": Column(float, nullable=True),
        "llc_stderr": Column(float, least=0, nullable=True),
        "verdict": Column(str, choices=VERDICTS_OF_ESTIMATES),
        "soft_count": Column(float),
        "soft_count_stderr": Column(float, least=0),
        "gradient_part": Column(float),
        **dict.fromkeys(
            (
                "change_n_beta",
                "change_localization",
                "change_n_beta_stderr",
                "change_localization_stderr",
            ),
            Column(float, nullable=True),
        ),
        "meaning": Column(str, choices=MEANINGS),
    },
    unique=("step",),
)
"""What the LLC of one setting means at each checkpoint; `llc.scale_meaning` defines it."""

SURVIVALS = (
    *("rises at every scale", "falls at every scale", "rises at some", "falls at some"),
    *("turns with the scale", "cannot be told"),
)

LLC_STATEMENTS = TableLayout(
    "llc_statements",
    {
        "quantity": Column(str, choices=("llc", "soft_count")),
        "first": Column(int, least=0),
        "second": Column(int, least=0),
        **dict.fromkeys(("num_scales", "num_rising", "num_falling"), Column(int, least=0)),
        "survival": Column(str, choices=SURVIVALS),
    },
    unique=("quantity", "first", "second"),
)
"""Whether the LLC rises or falls from one checkpoint to another, and at which of the scales."""
