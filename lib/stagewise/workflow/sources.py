"""What the rules that begin a study ask of the configuration: files of the corpus, settings of runs.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stagewise.workflow.config import ConfigError
from stagewise.workflow.plan import Plan

SHARED_BY_SCURVES = (
    "dimension",
    "init_scale",
    "num_seeds",
    "seeds_per_batch",
    "divergence_factor",
    "records",
    "adam",
)
"""Keys of the section of S-curves that every experiment is run with."""

SPLITS = ("train", "validation", "sampling")
"""Splits of the corpus, each a stream of tokens."""


def corpus_inputs(corpus: Mapping[str, Any]) -> dict[str, Any]:
    """Return the archives or files that a corpus is read from; none for the hub."""
    if corpus["source"] == "packages":
        return {name: f"results/archives/{name}.archive" for name in corpus["packages"]}
    if corpus["source"] == "folder":
        below = Path(corpus["folder"]["path"]).rglob("*")
        return {"files": sorted(str(path) for path in below if path.is_file())}
    return {}


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
