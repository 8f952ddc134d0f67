"""What the rules of the LLC ask of a run: the files and settings of its subject, and its shards.

A study's subject is built by ``subject`` in ``studies/<study>/subject.py``. Light: it is read at every
start of Snakemake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stagewise.core.schedules import checkpoint_steps, nested_subset, shards
from stagewise.development.settings import MIN_CHECKPOINTS
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import Run, run_identity, training_settings

NOT_OF_THE_SAMPLER = ("loss", "noise", "seeds")
"""Keys of a named sampler setting that the sampler itself does not take."""


def subject_paths(run: Run, plan: Plan) -> dict[str, str]:
    """Return the files of a run's subject by the names that the study's `subject` gives them."""
    folder = f"{plan.results}/{run.study}"
    if run.study == "modular":
        return {"checkpoints": f"{folder}/stages/checkpoints.h5"}
    paths = {"checkpoints": f"{folder}/{run.name}/checkpoints.h5"}
    if run.study == "language":
        source = plan.config["language"]["llc"]["source"]
        paths |= {"rows": f"{folder}/{source}.bin", "index": f"{folder}/index.nc"}
    return paths


def subject_settings(run: Run, setting: str, plan: Plan) -> dict[str, Any]:
    """Return the arguments of a study's `subject` that are settings, for one sampler setting."""
    llc = plan.config[run.study]["llc"]
    entry = llc["settings"][setting]
    stated = {key: llc[key] for key in ("num_samples", "source") if key in llc}
    own = "training" in run.settings
    loss = {"loss": entry["loss"]} if "loss" in entry else {}
    return {
        "settings": training_settings(run),
        "measured": {**stated, **loss},
        # A network of a program carries the program's identity, which follows from the settings.
        "identity": run_identity(run, plan.config["root_seed"]) if own else None,
    }


def sampler_settings(run: Run, setting: str, plan: Plan) -> dict[str, Any]:
    """Return the part of a named setting that the sampler takes."""
    entry = plan.config[run.study]["llc"]["settings"][setting]
    return {key: value for key, value in entry.items() if key not in NOT_OF_THE_SAMPLER}


def sampling(run: Run, setting: str, plan: Plan) -> dict[str, Any]:
    """Return how a run's estimates are made, apart from the sampler: noise and groups of chains."""
    llc = plan.config[run.study]["llc"]
    return {
        "noise": llc["settings"][setting]["noise"],
        "chains_at_a_time": llc.get("chains_at_a_time"),
    }


def steps_of(run: Run) -> np.ndarray:
    """Return the steps of a run's checkpoints, known before training."""
    training: Mapping[str, Any] = run.settings.get("training", run.settings)
    return checkpoint_steps(training["num_steps"], **run.settings["checkpoints"])


def steps_at(run: Run, *shares: float) -> list[int]:
    """Return the checkpoint steps of a run nearest to some shares of its training."""
    steps = steps_of(run).tolist()
    return [min(steps, key=lambda step: abs(step - share * steps[-1])) for share in shares]


def llc_shards(run: Run, plan: Plan) -> list[list[int]]:
    """Return the steps of each LLC shard of a run; a finer grid only adds steps at the end."""
    llc = plan.config[run.study]["llc"]
    return shards(nested_subset(steps_of(run), llc["num_checkpoints"]), llc["shard_size"])


def scale_steps(run: Run, plan: Plan) -> list[int]:
    """Return the steps at which a run's LLC is measured over its scale, in the order of time."""
    return sorted(set(steps_at(run, *plan.config[run.study]["llc"]["scale"]["at"])))


def staged(plan: Plan) -> list[str]:
    """Return the names of the runs whose LLC has checkpoints enough to find stages."""
    runs = [run for run in plan.runs.values() if "llc" in run.analyses]
    return [r.name for r in runs if sum(map(len, llc_shards(r, plan))) >= MIN_CHECKPOINTS]
