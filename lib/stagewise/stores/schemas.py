"""Contracts of the tables between rules, every CSV by pandera; those of stores: `stores.contracts`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from stagewise.llc.diagnostics import VERDICTS_OF_ESTIMATES
from stagewise.stores.files import StoreError, atomic_path

logger = logging.getLogger(__name__)

VERDICTS = ("supported", "refuted", "mixed", "not testable at this scale")

SCURVE_MEASURES = (
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
"""Measures of an S-curve run, NaN where they do not apply; `studies.scurves` defines them."""

MODULAR_MEASURES = (
    *("memorised_step", "generalised_step", "first_generalised_step"),
    *("rise_start", "rise_end", "rise_width", "delay", "least_delay"),
    *("train_accuracy", "test_accuracy", "initial_norm", "final_norm"),
    *("early_slope", "early_correlation", "early_error", "early_records"),
    *("num_learned", "learned_power", "clocks", "pizzas", "distance_irrelevance"),
)
"""Measures of a modular-addition run, NaN where they do not apply; `studies.modular.measures`."""

_count = pa.Column(int, pa.Check.ge(1))
_positive = pa.Column(float, pa.Check.gt(0), coerce=True)
_step = pa.Column(int, pa.Check.ge(0))
_number = pa.Column(float, nullable=True, coerce=True)
_error = pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True)

TABLES: Mapping[str, pa.DataFrameSchema] = {
    "llc_summary": pa.DataFrameSchema(
        {
            "run": pa.Column(str),
            "setting": pa.Column(str),
            "step": _step,
            "loss": _number,
            "llc": _number,
            "llc_stderr": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
            "mean_loss": _number,
            "rhat": _number,
            "ess": _number,
            "drift": _number,
            "num_diverged": pa.Column(int, pa.Check.ge(0)),
            "displacement": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
            "forgotten_share": _number,
            "saturated": pa.Column(bool),
            "verdict": pa.Column(str, pa.Check.isin(VERDICTS_OF_ESTIMATES)),
            "reason": pa.Column(str),
        },
        strict=True,
        unique=["run", "setting", "step"],
    ),
    "validation": pa.DataFrameSchema(
        {
            "case": pa.Column(str, unique=True),
            "family": pa.Column(str),
            "num_parameters": pa.Column(int, pa.Check.gt(0)),
            "scale": _number,
            "exact": pa.Column(float, pa.Check.gt(0), coerce=True),
            "multiplicity": pa.Column(int, pa.Check.ge(1)),
            "estimate": _number,
            "stderr": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
            "interval_low": _number,
            "interval_high": _number,
            "z_score": _number,
            "bias": _number,
            "finite": _number,
            "independent": _number,
            "independent_stderr": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
            "n_beta": pa.Column(float, pa.Check.gt(0), coerce=True),
            "localization": pa.Column(float, pa.Check.ge(0), coerce=True),
            "step_size": pa.Column(float, pa.Check.gt(0), coerce=True),
            "num_diverged": pa.Column(int, pa.Check.ge(0)),
        },
        strict=True,
    ),
    "second_opinion": pa.DataFrameSchema(
        {
            "case": pa.Column(str, unique=True),
            "num_parameters": pa.Column(int, pa.Check.gt(0)),
            "sgld": _number,
            "sgld_stderr": _error,
            "hmc": _number,
            "hmc_stderr": _error,
            "z_score": _number,
            "acceptance": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
            "sgld_rhat": _number,
            "hmc_rhat": _number,
            "sgld_verdict": pa.Column(str, pa.Check.isin(VERDICTS_OF_ESTIMATES)),
            "hmc_verdict": pa.Column(str, pa.Check.isin(VERDICTS_OF_ESTIMATES)),
            "exact": _number,
            "n_beta": pa.Column(float, pa.Check.gt(0), coerce=True),
            "localization": pa.Column(float, pa.Check.gt(0), coerce=True),
            "sgld_step_size": pa.Column(float, pa.Check.gt(0), coerce=True),
            "hmc_step_size": pa.Column(float, pa.Check.gt(0), coerce=True),
        },
        strict=True,
    ),
    "calibration": pa.DataFrameSchema(
        {
            "step_size": pa.Column(float, pa.Check.gt(0), coerce=True),
            "n_beta": pa.Column(float, pa.Check.gt(0), coerce=True),
            "localization": pa.Column(float, pa.Check.gt(0), coerce=True),
            "num_ok": pa.Column(int, pa.Check.ge(0)),
            "num_checkpoints": pa.Column(int, pa.Check.ge(1)),
            "change_step_size": _error,
            "change_n_beta": _error,
            "change_localization": _error,
            "largest_change": _error,
            "insensitive": pa.Column(bool),
        },
        strict=True,
        unique=["step_size", "n_beta", "localization"],
    ),
    "milestones": pa.DataFrameSchema(
        {
            "run": pa.Column(str),
            "setting": pa.Column(str),
            "step": pa.Column(float, pa.Check.ge(0), coerce=True),
            "log_step": _number,
            "kind": pa.Column(str, pa.Check.isin(["plateau", "near-plateau"]), coerce=True),
            "llc": _number,
            "interval_low": _number,
            "interval_high": _number,
            "probability": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
        },
        strict=True,
    ),
    "stages": pa.DataFrameSchema(
        {
            "run": pa.Column(str),
            "setting": pa.Column(str),
            "stage": pa.Column(int, pa.Check.ge(1)),
            "start": pa.Column(float, pa.Check.ge(0), coerce=True),
            "end": pa.Column(float, pa.Check.gt(0), coerce=True),
            "type": pa.Column(str, pa.Check.isin(["A", "B"])),
            "llc_start": _number,
            "llc_end": _number,
            "llc_change": _number,
        },
        pa.Check(lambda table: table["end"] > table["start"], error="a stage ends after it starts"),
        strict=True,
    ),
    "audit": pa.DataFrameSchema(
        {"step": _step, "identical": pa.Column(bool), "largest_difference": _number}, strict=True
    ),
    "claims": pa.DataFrameSchema(
        {
            "id": pa.Column(str, pa.Check.str_matches(r"^[A-Z]\d+$"), unique=True),
            "claim": pa.Column(str),
            "source": pa.Column(str),
            "verdict": pa.Column(str, pa.Check.isin(VERDICTS)),
            "value": pa.Column(str),
            "uncertainty": pa.Column(str),
            "criterion": pa.Column(str),
            "seeds": pa.Column(str),
            "figure": pa.Column(str),
        },
        strict=True,
    ),
    "cost": pa.DataFrameSchema(
        {
            "study": pa.Column(str),
            "rule": pa.Column(str),
            "jobs": _count,
            "cpu_s": pa.Column(float, pa.Check.ge(0), coerce=True),
            "wall_s": pa.Column(float, pa.Check.ge(0), coerce=True),
            "longest_s": _error,
            "memory_mb": _error,
        },
        strict=True,
        unique=["study", "rule"],
    ),
    "language_corpus": pa.DataFrameSchema(
        {
            "source": pa.Column(str),
            "licence": pa.Column(str),
            "split": pa.Column(str, pa.Check.isin(["train", "validation", "sampling"])),
            "num_documents": pa.Column(int, pa.Check.ge(1)),
            "num_bytes": pa.Column(int, pa.Check.ge(1)),
            "num_tokens": pa.Column(int, pa.Check.ge(2)),
        },
        strict=True,
        unique=["source", "licence", "split"],
    ),
    "language_forms": pa.DataFrameSchema(
        {
            "form": pa.Column(int, pa.Check.ge(1), coerce=True),
            "form_step": pa.Column(float, pa.Check.ge(0), coerce=True),
            "p_value": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
            "side": pa.Column(str, pa.Check.isin(["high", "low"]), coerce=True),
            "measure": pa.Column(
                str, pa.Check.isin(["new_word", "induction", "seen"]), coerce=True
            ),
            "share": pa.Column(float, pa.Check.in_range(0, 1), nullable=True, coerce=True),
            "base_rate": pa.Column(float, pa.Check.in_range(0, 1), coerce=True),
            "stderr": pa.Column(float, pa.Check.ge(0), nullable=True, coerce=True),
            "count": pa.Column(int, pa.Check.ge(0), coerce=True),
        },
        strict=True,
        unique=["form", "side", "measure"],
    ),
    "scurves_measures": pa.DataFrameSchema(
        {
            "setting": pa.Column(str),
            "case": pa.Column(int, pa.Check.ge(0)),
            "learning_rate": pa.Column(float, pa.Check.gt(0), coerce=True),
            "weight_decay": pa.Column(float, pa.Check.ge(0), coerce=True),
            "rank": pa.Column(int, pa.Check.ge(1)),
            "num_components": pa.Column(int, pa.Check.ge(1)),
            "seed": pa.Column(int, pa.Check.ge(0)),
            "diverged": pa.Column(bool),
            **dict.fromkeys(SCURVE_MEASURES, _number),
        },
        strict=True,
        unique=["setting", "case", "seed"],
    ),
    "modular_runs": pa.DataFrameSchema(
        {
            **dict.fromkeys(("experiment", "setting", "labels", "architecture"), pa.Column(str)),
            **dict.fromkeys(("optimiser", "loss"), pa.Column(str)),
            "outcome": pa.Column(str, pa.Check.isin(["generalise", "memorise", "fail"])),
            **dict.fromkeys(("modulus", "embed_dim", "batch_size", "num_steps"), _count),
            "seed": pa.Column(int, pa.Check.ge(0)),
            **dict.fromkeys(("frozen", "diverged", "before_memorisation"), pa.Column(bool)),
            **dict.fromkeys(("train_fraction", "learning_rate", "initial_scale"), _positive),
            **dict.fromkeys(("weight_decay", "momentum"), pa.Column(float, pa.Check.ge(0))),
            **dict.fromkeys(MODULAR_MEASURES, _number),
        },
        strict=True,
        unique=["setting", "learning_rate", "weight_decay", "initial_scale", "seed"],
    ),
}


def check_table(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return `table` if it keeps the contract `name`.

    Raises
    ------
    StoreError
        With the first broken rule, in one sentence.
    """
    try:
        return TABLES[name].validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        first = errors.schema_errors[0]
        raise StoreError(f"the {name} table breaks its contract: {first}") from errors


def write_table(path: str | Path, table: pd.DataFrame, name: str) -> None:
    """Check a table and write it as CSV, atomically."""
    checked = check_table(table, name)
    with atomic_path(path) as temporary:
        checked.to_csv(temporary, index=False)


def read_table(path: str | Path, name: str) -> pd.DataFrame:
    """Read a CSV and check it; empty strings stay empty strings.

    Raises
    ------
    StoreError
        If the file is missing or breaks its contract.
    """
    if not Path(path).exists():
        raise StoreError(f"{path} does not exist: run the rule that makes it")
    text = {
        key: str
        for key, column in TABLES[name].columns.items()
        if str(column.dtype).startswith("str")
    }
    table = pd.read_csv(path, dtype=text, keep_default_na=True)
    return check_table(table.fillna(dict.fromkeys(text, "")), name)
