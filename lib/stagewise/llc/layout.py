"""Layouts of what the LLC instrument writes: estimates, failures, sweeps and their tables."""

from __future__ import annotations

from stagewise.llc.diagnostics import VERDICTS_OF_ESTIMATES
from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, TableLayout

_ESTIMATE = {
    "loss": Variable(("step", "chain", "draw"), "loss", "minibatch loss at w_t"),
    "baseline_loss": Variable(("step", "chain", "draw"), "loss", "minibatch loss at w*"),
    "burnin_loss": Variable(("step", "chain", "burnin"), "loss", "minibatch loss during burn-in"),
    "displacement": Variable(("step", "chain", "draw"), "1", "|w_t - w*| / |w*|"),
    "init_loss": Variable(("step",), "loss", "loss at w* over all samples"),
    "llc": Variable(("step", "chain"), "1", "LLC of a chain"),
    "llc_mean": Variable(("step",), "1", "LLC"),
    "llc_stderr": Variable(("step",), "1", "standard error of the LLC over chains"),
    "rhat": Variable(("step",), "1", "rank-normalised split R-hat of the paired draws"),
    "ess": Variable(("step",), "draws", "bulk effective sample size of the paired draws"),
    "diverged": Variable(("step", "chain"), "1", "chain diverged"),
}

LLC_SHARD = StoreLayout("llc_shard", _ESTIMATE)

LLC = StoreLayout(
    "llc",
    {
        **_ESTIMATE,
        "mean_loss": Variable(("step",), "loss", "mean loss of the chains, E[L]"),
        "forgotten_share": Variable(
            ("step",), "1", "share of the training gain that the chains gave up"
        ),
        "mean_displacement": Variable(("step",), "1", "mean |w - w*| / |w*| over chains and draws"),
        "saturated": Variable(("step",), "1", "chains have forgotten their checkpoint"),
        "verdict": Variable(("step",), "1", "whether to trust the estimate"),
        "reason": Variable(("step",), "1", "what the verdict rests on"),
    },
)

LLC_FAILURES = StoreLayout(
    "llc_failures",
    {
        "loss": Variable(("failure", "chain", "draw"), "loss", "minibatch loss at w_t"),
        "baseline_loss": Variable(("failure", "chain", "draw"), "loss", "minibatch loss at w*"),
        "init_loss": Variable(("failure",), "loss", "loss at w* over all samples"),
        "llc_mean": Variable(("failure",), "1", "LLC"),
        "llc_stderr": Variable(("failure",), "1", "standard error of the LLC over chains"),
        "diverged": Variable(("failure", "chain"), "1", "chain diverged"),
        "step": Variable(("failure",), "step", "step"),
        "step_size": Variable(("failure",), "1", "step size of SGLD"),
        "n_beta": Variable(("failure",), "1", "inverse temperature times number of samples"),
        "localization": Variable(("failure",), "1", "strength of the pull to w*"),
        "verdict": Variable(("failure",), "1", "whether to trust the estimate"),
        "reason": Variable(("failure",), "1", "what the verdict rests on"),
    },
)

SWEEP = StoreLayout(
    "calibration_sweep",
    {
        "llc_mean": Variable(("step", "step_size", "n_beta", "localization"), "1", "LLC"),
        "llc_stderr": Variable(
            ("step", "step_size", "n_beta", "localization"),
            "1",
            "standard error of the LLC over chains",
        ),
        "rhat": Variable(
            ("step", "step_size", "n_beta", "localization"),
            "1",
            "rank-normalised split R-hat of the paired draws",
        ),
        "ess": Variable(
            ("step", "step_size", "n_beta", "localization"),
            "draws",
            "bulk effective sample size of the paired draws",
        ),
        "verdict": Variable(
            ("step", "step_size", "n_beta", "localization"), "1", "whether to trust the estimate"
        ),
        "reason": Variable(
            ("step", "step_size", "n_beta", "localization"), "1", "what the verdict rests on"
        ),
        "running_llc": Variable(
            ("step", "step_size", "n_beta", "localization", "draw"),
            "1",
            "LLC from the draws so far, mean over chains",
        ),
        "init_loss": Variable(("step",), "loss", "loss at w* over all samples"),
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
