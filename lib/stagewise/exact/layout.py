"""Layouts of the tables of exact validation."""

from __future__ import annotations

from stagewise.llc.diagnostics import VERDICTS_OF_ESTIMATES
from stagewise.stores.tables import Column, TableLayout

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
