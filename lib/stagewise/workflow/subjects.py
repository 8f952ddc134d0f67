"""What the rules of the LLC ask of a run: the files and settings of its subject, and its shards.

A study's subject is built by ``subject`` in ``studies/<study>/subject.py``. Light: it is read at every
start of Snakemake.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stagewise.core.schedules import checkpoint_steps, nested_subset, shards
from stagewise.development.settings import MIN_CHECKPOINTS
from stagewise.stores.identity import digest_of
from stagewise.studies.own.factory import factory_file
from stagewise.studies.own.folder import checkpoint_files
from stagewise.workflow.code import file_digest, module_digest
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import Run, run_identity, training_settings
from stagewise.workflow.studies import OWN

NOT_OF_THE_SAMPLER = ("loss", "noise", "seeds")
"""Keys of a named sampler setting that the sampler itself does not take."""


SMOOTHED_SHARE = 0.024
"""Widest smoothing kernel as a share of the trajectory: 120 of 5,000 records (Hoogland et al. 2024)."""


def subject_paths(run: Run, plan: Plan) -> dict[str, str]:
    """Return the files of a run's subject by the names that the study's `subject` gives them."""
    folder = f"{plan.results}/{run.study}"
    if run.study == OWN:  # no inputs: digests of their contents are settings
        return {}
    if run.study == "modular":
        return {"checkpoints": f"{folder}/stages/checkpoints.h5"}
    paths = {"checkpoints": f"{folder}/{run.name}/checkpoints.h5"}
    if run.study == "language":
        source = plan.config["language"]["llc"]["source"]
        paths |= {"rows": f"{folder}/{source}.bin", "index": f"{folder}/index.nc"}
    return paths


def subject_settings(
    run: Run, setting: str, plan: Plan, steps: Sequence[int] = ()
) -> dict[str, Any]:
    """Return the arguments of a study's `subject` that are settings, for one sampler setting.

    Where checkpoints are a user's, they depend on the contents of those of some steps alone.
    """
    if run.study == OWN:
        return {"settings": own_settings(run, steps), "measured": {}, "identity": None}
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


def own_settings(run: Run, steps: Sequence[int]) -> dict[str, Any]:
    """Return where a user's checkpoints are and who reads them, with digests of what that depends on.

    Parameters
    ----------
    run : Run
    steps : sequence of int
        Checkpoints whose contents count. Their files are read once more for it.
    """
    own = run.settings
    files = checkpoint_files(own["folder"], own["files"])
    return {
        **{key: own[key] for key in ("factory", "folder", "files")},
        "code": module_digest(factory_file(own["factory"])),
        "inputs": {path: file_digest(path) for path in own["inputs"]},
        "contents": {step: file_digest(files[step]) for step in sorted(steps)},
    }


def own_identity(run: Run, plan: Plan) -> str:
    """Return the identity of what is read off all checkpoints of a user."""
    settings = {**own_settings(run, run.settings["steps"]), "folder": None}
    made_of = {"run": run.name, "root_seed": plan.config["root_seed"], "settings": settings}
    return digest_of({"study": OWN, **made_of})


def trajectory_identity(run: Run, plan: Plan) -> str:
    """Return the identity of a run's trajectory."""
    if run.study == OWN:
        return own_identity(run, plan)
    return run_identity(run, plan.config["root_seed"])


def form_settings(run: Run, plan: Plan) -> dict[str, Any]:
    """Return how a run's forms are found; without a width, smoothing spans the published share."""
    forms: dict[str, Any] = plan.config[run.study]["forms"]
    if forms["sigma_end"] is not None:
        return forms
    return {**forms, "sigma_end": SMOOTHED_SHARE * len(run.settings["steps"])}


def sampler_settings(run: Run, setting: str, plan: Plan) -> dict[str, Any]:
    """Return the part of a named setting that the sampler takes."""
    entry = plan.config[run.study]["llc"]["settings"][setting]
    # Snakemake compares parameters as they are written: another order in a file is no other setting.
    return {key: entry[key] for key in sorted(entry) if key not in NOT_OF_THE_SAMPLER}


def sampling(run: Run, setting: str, plan: Plan) -> dict[str, Any]:
    """Return how a run's estimates are made, apart from the sampler: noise, and what runs together."""
    llc = plan.config[run.study]["llc"]
    return {
        "noise": llc["settings"][setting]["noise"],
        "chains_at_a_time": llc.get("chains_at_a_time"),
        "checkpoints_at_a_time": llc.get("checkpoints_at_a_time", 1),
    }


def steps_of(run: Run) -> np.ndarray:
    """Return the steps of a run's checkpoints, known before training."""
    if run.study == OWN:
        return np.array(run.settings["steps"])
    training: Mapping[str, Any] = run.settings.get("training", run.settings)
    return _checkpoint_steps(training["num_steps"], **run.settings["checkpoints"])


def steps_at(run: Run, *shares: float) -> list[int]:
    """Return the checkpoint steps of a run nearest to some shares of its training."""
    steps = steps_of(run).tolist()
    return [min(steps, key=lambda step: abs(step - share * steps[-1])) for share in shares]


def llc_shards(run: Run, plan: Plan) -> list[list[int]]:
    """Return the steps of each LLC shard of a run; a finer grid only adds steps at the end."""
    llc = plan.config[run.study]["llc"]
    steps = tuple(steps_of(run).tolist())
    return [list(part) for part in _parts(steps, llc["num_checkpoints"], llc["shard_size"])]


# Asked for each of thousands of shards; every answer is that of its run.
_checkpoint_steps = functools.cache(checkpoint_steps)


@functools.cache
def _parts(steps: tuple[int, ...], count: int, shard_size: int) -> list[list[int]]:
    return shards(nested_subset(np.array(steps), count), shard_size)


def steps_of_entry(entry: str, run: Run, plan: Plan) -> list[int]:
    """Return the steps that an entry of a study's LLC asks for by shares of training, in order."""
    return sorted(set(steps_at(run, *plan.config[run.study]["llc"][entry]["at"])))


def staged(plan: Plan) -> list[Run]:
    """Return the runs whose LLC has checkpoints enough to find stages."""
    runs = plan.asked_for("llc")
    return [run for run in runs if sum(map(len, llc_shards(run, plan))) >= MIN_CHECKPOINTS]
