"""Layouts of the estimates by Hamiltonian Monte Carlo and of the tables of exact validation."""

from __future__ import annotations

from stagewise.llc.estimate_layout import ESTIMATE, VERDICTS_OF_ESTIMATES
from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.tables import Column, TableLayout

HMC_ESTIMATE = StoreLayout(
    "hmc_estimate",
    {
        **ESTIMATE.variables,
        "loss": Variable(("chain", "draw"), "loss", "loss of all samples at w_t"),
        "baseline_loss": Variable(("chain", "draw"), "loss", "loss of all samples at w*"),
        "burnin_loss": Variable(("chain", "burnin"), "loss", "loss of all samples during burn-in"),
        "acceptance": Variable(("chain",), "1", "mean probability of acceptance"),
        "step_size": Variable((), "1", "leapfrog step after adaptation"),
    },
)

VALIDATION = TableLayout(
    "validation",
    {
        "case": Column(str, unique=True),
        "family": Column(str),
        "num_parameters": Column(int, above=0),
        "scale": Column(float, nullable=True),
        "exact": Column(float, above=0),
        "multiplicity": Column(int, least=1),
        "estimate": Column(float, nullable=True),
        "stderr": Column(float, least=0, nullable=True),
        "interval_low": Column(float, nullable=True),
        "interval_high": Column(float, nullable=True),
        "z_score": Column(float, nullable=True),
        "bias": Column(float, nullable=True),
        "finite": Column(float, nullable=True),
        "independent": Column(float, nullable=True),
        "independent_stderr": Column(float, least=0, nullable=True),
        "n_beta": Column(float, above=0),
        "localization": Column(float, least=0),
        "step_size": Column(float, above=0),
        "num_diverged": Column(int, least=0),
    },
)

SECOND_OPINION = TableLayout(
    "second_opinion",
    {
        "case": Column(str, unique=True),
        "num_parameters": Column(int, above=0),
        "sgld": Column(float, nullable=True),
        "sgld_stderr": Column(float, least=0, nullable=True),
        "hmc": Column(float, nullable=True),
        "hmc_stderr": Column(float, least=0, nullable=True),
        "z_score": Column(float, nullable=True),
        "acceptance": Column(float, least=0, most=1),
        "sgld_rhat": Column(float, nullable=True),
        "hmc_rhat": Column(float, nullable=True),
        "sgld_verdict": Column(str, choices=VERDICTS_OF_ESTIMATES),
        "hmc_verdict": Column(str, choices=VERDICTS_OF_ESTIMATES),
        "exact": Column(float, nullable=True),
        "n_beta": Column(float, above=0),
        "localization": Column(float, above=0),
        "sgld_step_size": Column(float, above=0),
        "hmc_step_size": Column(float, above=0),
    },
)
