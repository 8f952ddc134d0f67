"""The runs that a configuration asks for, and the identity that each one's stores carry."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stagewise.core.fields import shortened
from stagewise.development.settings import MIN_CHECKPOINTS
from stagewise.stores.identity import digest_of
from stagewise.stores.provenance import ROOT
from stagewise.studies.own.factory import factory_file
from stagewise.studies.own.folder import OwnError, checkpoint_files
from stagewise.studies.sections import ANALYSES
from stagewise.workflow.code import CodeError, code_digests, file_digest, module_digest
from stagewise.workflow.config import STUDIES, ConfigError, variant_settings
from stagewise.workflow.studies import OWN

_NOT_TRAINED_ON = ("evaluation",)


@dataclass(frozen=True)
class Run:
    """One network trained once.

    Parameters
    ----------
    name : str
        Variant and seed as in "base-s1", or what the user calls it; unique in its study.
    study : str
        Study that the run belongs to.
    variant : str
        Variant of the study.
    seed : int
        Seed of the run.
    settings : dict
        The study's settings with the variant's changes applied, by section.
    analyses : tuple of str
        What is computed from the run.
    """

    name: str
    study: str
    variant: str
    seed: int
    settings: dict[str, Any] = field(hash=False)
    analyses: tuple[str, ...]


def expand_runs(config: Mapping[str, Any]) -> list[Run]:
    """Return the runs of every study: variants and seeds in the order of the configuration.

    Parameters
    ----------
    config : mapping
        A configuration that `workflow.config.checked` has passed.
    """
    return [
        Run(
            name=f"{variant}-s{seed}",
            study=study,
            variant=variant,
            seed=seed,
            settings=variant_settings(study, config[study], variant),
            analyses=tuple(entry["analyses"]),
        )
        for study in STUDIES
        for variant, entry in config[study]["variants"].items()
        for seed in entry["seeds"]
    ]


def followed_runs(config: Mapping[str, Any]) -> list[Run]:
    """Return the networks of the modular-addition study whose LLC is followed along training.

    They are trained together with the rest of their setting; the settings of each are its setting's
    complete entry.

    Parameters
    ----------
    config : mapping
        A configuration that `workflow.config.checked` has passed.
    """
    study = config["modular"]
    entries = study["experiments"]["stages"]
    return [
        Run(f"{variant}-s{seed}", "modular", variant, seed, entries[variant], ("llc",))
        for variant in study["llc"]["variants"]
        for seed in range(study["llc"]["num_seeds"])
    ]


def own_runs(config: Mapping[str, Any]) -> list[Run]:
    """Return the runs whose checkpoints a user has given, with the steps of these; often none.

    Parameters
    ----------
    config : mapping
        A configuration that `workflow.config.checked` has passed.

    Raises
    ------
    ConfigError
        If factory, inputs or checkpoints are missing, or too few for stages.
    """
    if OWN not in config:
        return []
    own, runs = config[OWN], []
    shared = {key: own[key] for key in ("factory", "files", "inputs")}
    place, given = f"{OWN}.factory", own["factory"]
    try:
        module_digest(factory_file(own["factory"]))
        place, given = f"{OWN}.inputs", own["inputs"]
        for path in own["inputs"]:
            file_digest(path)
        for name, folder in own["runs"].items():
            place, given = f"{OWN}.runs.{name}", folder
            steps = list(checkpoint_files(folder, own["files"]))
            if len(steps) < MIN_CHECKPOINTS:
                raise OwnError(
                    f"{folder} has {len(steps)} checkpoints, too few for stages; give at least "
                    f"{MIN_CHECKPOINTS}"
                )
            components = own["essential_dynamics"]["num_components"]
            if len(steps) <= components:
                raise OwnError(
                    f"{folder} has {len(steps)} checkpoints, too few for the {components} of "
                    "'own.essential_dynamics.num_components'; lower that"
                )
            settings = {**shared, "folder": folder, "steps": steps}
            runs.append(Run(name, OWN, OWN, 0, settings, ANALYSES))
    except (CodeError, OwnError) as error:
        raise ConfigError(f"config: {place!r} is {shortened(repr(given))}: {error}") from None
    return runs


def training_settings(run: Run) -> dict[str, Any]:
    """Return the sections of a run's settings that its training depends on."""
    sections = {name: part for name, part in run.settings.items() if name not in _NOT_TRAINED_ON}
    if "training" in sections:
        sections["training"] = in_one_segment(sections["training"])
    return sections


def in_one_segment(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings of training without what has no effect on it: how often it is saved."""
    return {**training, "segment_steps": training["num_steps"]}


def run_identity(run: Run, root_seed: int) -> str:
    """Return the identity of what training makes of given data: equal for equal results, else different.

    It follows from settings, streams and the code that trains; `stores.data` adds what the data hold.
    Evaluation, analyses, the device and the length of a segment change no checkpoint and are left
    out, so that changing them leaves finished stores valid.

    Parameters
    ----------
    run : Run
    root_seed : int
        Seed from which all streams of the project are derived.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    named = {"study": run.study, "run": run.name, "root_seed": root_seed}
    made_of = {"settings": training_settings(run), "code": _training_code(run.study)}
    return digest_of({**named, **made_of})


@functools.cache
def _training_code(study: str) -> dict[str, str]:
    modules = [f"stagewise.studies.{study}.training"]
    return code_digests(ROOT / "scripts/train.py", ROOT, modules)
