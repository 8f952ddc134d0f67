"""What the rules that begin a study ask of the configuration: files of the corpus, settings of runs.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagewise.stores.identity import digest_of
from stagewise.studies.language.folder import corpus_files
from stagewise.workflow.code import CodeError, file_digest
from stagewise.workflow.config import ConfigError
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import in_one_segment

SHARED_BY_SCURVES = (
    "dimension",
    "init_scale",
    "num_seeds",
    "divergence_factor",
    "records",
    "adam",
)
"""Keys of the section of S-curves that every experiment is run with."""

SPLITS = ("train", "validation", "sampling")
"""Splits of the corpus, each a stream of tokens."""


def corpus_inputs(corpus: Mapping[str, Any]) -> dict[str, str]:
    """Return the archives that a corpus is read from; none for a folder or the hub."""
    if corpus["source"] != "packages":
        return {}
    return {name: f"results/archives/{name}.archive" for name in corpus["packages"]}


def corpus_content(corpus: Mapping[str, Any]) -> str | None:
    """Return the digest of names and contents in the folder of a corpus; None for another source.

    Files of a user are no inputs of a rule: their contents count, not their times, and Snakemake takes
    some names for patterns.
    """
    if corpus["source"] != "folder":
        return None
    folder = corpus["folder"]["path"]
    files, _ = corpus_files(folder)
    return digest_of([[os.path.relpath(path, folder), _digest(path)] for path in files])


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except CodeError:  # the job that reads the file says what is wrong with it
        return "unreadable"


def require_corpus(corpus: Mapping[str, Any]) -> None:
    """Refuse a corpus whose folder is not there, before any job runs.

    Raises
    ------
    ConfigError
        Naming the key and the folder.
    """
    path = corpus["folder"]["path"]
    if corpus["source"] == "folder" and not Path(path).is_dir():
        raise ConfigError(
            f"config: 'language.corpus.folder.path' is \"{path}\": there is no such folder; correct the "
            "path, which begins where Snakemake runs, or make it"
        )


def token_streams(plan: Plan) -> dict[str, str]:
    """Return the paths of the token streams of the corpus by split."""
    return {split: f"{plan.results}/language/{split}.bin" for split in SPLITS}


def training_data(study: str, plan: Plan) -> dict[str, str]:
    """Return the files that a run is trained on and observed with; none where data are generated."""
    if study != "language":
        return {}
    streams = token_streams(plan)
    used = {split: streams[split] for split in ("train", "validation")}
    return {**used, "index": f"{plan.results}/language/index.nc"}


def trajectory_files(study: str, run: str, plan: Plan) -> dict[str, str]:
    """Return the trajectory of a run, and the index of the data that it was trained on, if any."""
    index = {name: path for name, path in training_data(study, plan).items() if name == "index"}
    return {"trajectory": f"{plan.results}/{study}/{run}/trajectory.h5", **index}


def task_prior_settings(regression: Mapping[str, Any]) -> dict[str, Any]:
    """Return what networks on finite sets of tasks are trained and compared with."""
    prior = regression["task_prior"]
    training = in_one_segment(prior["training"])
    own = {name: regression[name] for name in ("task", "network")}
    return {**own, "task_prior": {**prior, "training": training}}


def scurves_common(scurves: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every experiment on S-curves shares."""
    return {name: scurves[name] for name in SHARED_BY_SCURVES}


def with_flow(scurves: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of S-curves whose gradient flow is integrated, by name."""
    wanted = scurves["flow"]["settings"]
    experiments = scurves["experiments"].values()
    return {name: entry for own in experiments for name, entry in own.items() if name in wanted}


def followed(modular: Mapping[str, Any], analysis: str) -> dict[str, Any]:
    """Return the settings that an analysis follows along training, and how many seeds of each."""
    entry, known = modular[analysis], modular["experiments"]["stages"]
    return {
        "settings": {name: known[name] for name in entry["settings"]},
        "num_seeds": entry["num_seeds"],
    }
