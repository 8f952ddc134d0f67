"""Layouts of what is made of LLC estimates: failures, sweeps and tables."""

from __future__ import annotations

from stagewise.llc.estimate_layout import ESTIMATE, LOCALITY, VERDICT, VERDICTS_OF_ESTIMATES
from stagewise.llc.estimate_layout import LLC as LLC
from stagewise.llc.estimate_layout import LLC_SHARD as LLC_SHARD
from stagewise.llc.settings import AXES
from stagewise.stores.layout import StoreLayout, Variable, along
from stagewise.stores.tables import Column, TableLayout

FAILURE = StoreLayout(
    "llc_failure",
    {
        **{name: item for name, item in ESTIMATE.variables.items() if name != "burnin_loss"},
        **VERDICT,
        "step_size": Variable((), "1", "step size of SGLD"),
        "n_beta": Variable((), "1", "inverse temperature times number of samples"),
        "localization": Variable((), "1", "strength of the pull to w*"),
        "step": Variable((), "step", "step"),
    },
)

LLC_FAILURES = StoreLayout("llc_failures", along(("failure",), FAILURE.variables))

_CELL = {
    **{name: ESTIMATE.variables[name] for name in ("llc_mean", "llc_stderr", "rhat", "ess")},
    "drift": Variable(
        (), "1", "LLC of the second half of the draws less the first, mean over chains"
    ),
    "mean_loss": LOCALITY["mean_loss"],
    "forgotten_share": LOCALITY["forgotten_share"],
    "displacement": LOCALITY["mean_displacement"],
    "num_diverged": ESTIMATE.variables["num_diverged"],
    **VERDICT,
    "running_llc": Variable(("draw",), "1", "LLC from the draws so far, mean over chains"),
}

SWEEP = StoreLayout(
    "calibration_sweep",
    {
        **along(("step", *AXES), _CELL),
        **along(("step",), {"init_loss": ESTIMATE.variables["init_loss"]}),
    },
)

SUMMARY = TableLayout(
    "llc_summary",
    {
        "run": Column(str),
        "setting": Column(str),
        "step": Column(int, least=0),
        "loss": Column(float, nullable=True),
        "llc": Column(float, nullable=True),
        "llc_stderr": Column(float, least=0, nullable=True),
        "mean_loss": Column(float, nullable=True),
        "rhat": Column(float, nullable=True),
        "ess": Column(float, nullable=True),
        "drift": Column(float, nullable=True),
        "num_diverged": Column(int, least=0),
        "displacement": Column(float, least=0, nullable=True),
        "forgotten_share": Column(float, nullable=True),
        "saturated": Column(bool),
        "verdict": Column(str, choices=VERDICTS_OF_ESTIMATES),
        "reason": Column(str),
    },
    unique=("run", "setting", "step"),
)

AUDIT = TableLayout(
    "audit",
    {
        "step": Column(int, least=0),
        "identical": Column(bool),
        "largest_difference": Column(float, nullable=True),
    },
)

AGREEMENT = TableLayout(
    "agreement",
    {
        **dict.fromkeys(("run", "first", "second"), Column(str)),
        **dict.fromkeys(
            ("rank_correlation", "rank_low", "rank_high"), Column(float, nullable=True)
        ),
        "rank_checkpoints": Column(int, least=0, coerce=True),
        **dict.fromkeys(("roughness_ratio", "correlation"), Column(float, nullable=True)),
        "checkpoints": Column(int, least=0, coerce=True),
    },
    unique=("run", "first", "second"),
)
"""How a run's LLC curves under two settings compare; `llc.agreement` defines it."""

CALIBRATION = TableLayout(
    "calibration",
    {
        "step_size": Column(float, above=0),
        "n_beta": Column(float, above=0),
        "localization": Column(float, above=0),
        "num_ok": Column(int, least=0),
        "num_checkpoints": Column(int, least=1),
        "change_step_size": Column(float, least=0, nullable=True),
        "change_n_beta": Column(float, least=0, nullable=True),
        "change_localization": Column(float, least=0, nullable=True),
        "largest_change": Column(float, least=0, nullable=True),
        "insensitive": Column(bool),
    },
    unique=("step_size", "n_beta", "localization"),
)
