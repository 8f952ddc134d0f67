"""Layouts of an LLC estimate: alone, along checkpoints, and with what is judged of it.

They stand apart from those of tables and sweeps, so that no edit of these samples again.
"""

from __future__ import annotations

from stagewise.stores.layout import StoreLayout, Variable, along

VERDICTS_OF_ESTIMATES = ("ok", "drifting", "saturated", "diverged", "escaped")
"""What an estimate can be called; see `llc.diagnostics.judge`."""

ESTIMATE = StoreLayout(
    "llc_estimate",
    {
        "loss": Variable(("chain", "draw"), "loss", "minibatch loss at w_t"),
        "baseline_loss": Variable(("chain", "draw"), "loss", "minibatch loss at w*"),
        "burnin_loss": Variable(("chain", "burnin"), "loss", "minibatch loss during burn-in"),
        "displacement": Variable(("chain", "draw"), "1", "|w_t - w*| / |w*|"),
        "init_loss": Variable((), "loss", "loss at w* over all samples"),
        "llc": Variable(("chain",), "1", "LLC of a chain"),
        "llc_mean": Variable((), "1", "LLC"),
        "llc_stderr": Variable((), "1", "standard error of the LLC over chains"),
        "rhat": Variable((), "1", "rank-normalised split R-hat of the paired draws"),
        "ess": Variable((), "draws", "bulk effective sample size of the paired draws"),
        "drift": Variable(("chain",), "1", "LLC of the second half less the first"),
        "spread": Variable(
            ("chain",), "1", "growth of |w_t - w*|^2 between the halves of the draws, over its mean"
        ),
        "displacement_rhat": Variable((), "1", "rank-normalised split R-hat of |w_t - w*|"),
        "diverged": Variable(("chain",), "1", "chain diverged"),
        "num_diverged": Variable((), "1", "number of diverged chains"),
    },
)

LOCALITY = {
    "mean_loss": Variable((), "loss", "mean loss of the chains, E[L]"),
    "forgotten_share": Variable((), "1", "share of the training gain that the chains gave up"),
    "mean_displacement": Variable((), "1", "mean |w - w*| / |w*| over chains and draws"),
    "saturated": Variable((), "1", "chains have forgotten their checkpoint"),
}

VERDICT = {
    "verdict": Variable((), "1", "whether to trust the estimate"),
    "reason": Variable((), "1", "what the verdict rests on"),
}

LLC_SHARD = StoreLayout("llc_shard", along(("step",), ESTIMATE.variables))

LLC = StoreLayout(
    "llc",
    {
        **LLC_SHARD.variables,
        **along(("step",), LOCALITY),
        "untrained_loss": Variable((), "loss", "loss of the untrained network"),
        "constant_loss": Variable((), "loss", "loss of the best constant predictor"),
        **along(("step",), VERDICT),
    },
)
