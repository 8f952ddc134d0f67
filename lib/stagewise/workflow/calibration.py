"""What the rules of calibration, and of estimates that are made to fail, ask of the configuration.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

from typing import Any

from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import Run
from stagewise.workflow.subjects import (
    NOT_OF_THE_SAMPLER,
    steps_at,
    subject_paths,
    subject_settings,
)

FAILURES = ("diverged", "drifting", "escaped")
"""Ways in which chains fail, each shown by settings of its own."""

TRAINED = "transformer"
"""The one calibrated model that is a run of a study; the others are built on the spot."""


def calibration_paths(model: str, plan: Plan) -> dict[str, str]:
    """Return the files of a calibrated model; none where it is built on the spot."""
    return subject_paths(plan.shown_run, plan) if model == TRAINED else {}


def calibration_settings(model: str, plan: Plan) -> dict[str, Any]:
    """Return what a calibrated model is made of."""
    entries = plan.config["calibration"]
    if model != TRAINED:
        return {"model": entries[model]["model"], "shares": entries["at"]}
    run = plan.shown_run
    return {
        "run": run.name,
        "steps": steps_at(run, *entries["at"]),
        "device": plan.config["device"],
        **subject_settings(run, "local", plan),
    }


def fragment_place(model: str) -> list[str]:
    """Return the keys of the configuration under which a model's calibrated settings go."""
    return ["regression", "llc", "settings"] if model == TRAINED else []


def fragment_names(model: str, plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the settings that take a model's calibration, with their keys that no sampler takes."""
    if model != TRAINED:
        return {"calibrated": {}}
    settings = plan.config["regression"]["llc"]["settings"]
    return {
        name: {key: settings[name][key] for key in NOT_OF_THE_SAMPLER}
        for name in ("local", "fresh", "likelihood")
    }


def failure_settings(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the sampler settings of each failure, without the sizes that all share."""
    failures = plan.config["regression"]["llc"]["failures"]
    return {
        name: {key: value for key, value in failures[name].items() if key != "at"}
        for name in FAILURES
    }


def failure_steps(run: Run, plan: Plan) -> dict[str, int]:
    """Return the step of the checkpoint at which each failure is shown."""
    failures = plan.config["regression"]["llc"]["failures"]
    steps = steps_at(run, *(failures[name]["at"] for name in FAILURES))
    return dict(zip(FAILURES, steps, strict=True))
