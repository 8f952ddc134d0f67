"""The configuration: checked once, before anything runs.

The schema says which keys there are and what each may hold. What one key demands of another stands
here. Every problem becomes one sentence that names the key, its value and the remedy.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from stagewise.studies.language.configuration import contradictions as language_contradictions
from stagewise.studies.modular.configuration import contradictions as modular_contradictions
from stagewise.studies.scurves.configuration import contradictions as scurves_contradictions
from stagewise.workflow.schema_errors import first_problem

_RUN = ("network", "training", "checkpoints", "evaluation", "trajectory")
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "regression": ("task", *_RUN),
    "language": ("corpus", "vocab_size", "context_length", *_RUN),
}
"""What a run is made of, by study; the studies whose networks are trained one by one."""

STUDIES = tuple(SECTIONS)
ANALYSES = ("metrics", "llc", "essential_dynamics")
REQUIRED_VARIANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "regression": {"base": ANALYSES},
    "language": {"twolayers": ANALYSES, "onelayer": ("metrics", "llc")},
}
"""Variants that figures start from, and what they need of each."""

REQUIRED_SAMPLERS = {
    "regression": ("published", "local", "fresh", "likelihood"),
    "language": ("published", "local"),
}


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the key and the remedy."""


def check_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a complete configuration.

    Of several problems one is reported: unknown keys before missing ones, these before wrong types
    and those before impossible values; among equals the first in the order of the file. What the
    schema cannot express is checked last.

    Parameters
    ----------
    config : mapping
        The configuration after presets and command line are merged.
    schema : mapping
        JSON schema, draft 2020-12, with references into its own ``$defs`` only.

    Raises
    ------
    ConfigError
        With one line that names the key, its value and what is allowed.
    """
    problem = first_problem(config, schema)
    if problem is not None:
        raise ConfigError(f"config: {problem}")
    for study in STUDIES:
        for problem in _contradictions(study, config):
            raise ConfigError(f"config: {problem}")
    for problem in _shown_seed_contradictions(config):
        raise ConfigError(f"config: {problem}")
    for problem in _calibration_contradictions(config["calibration"]):
        raise ConfigError(f"config: {problem}")
    for problem in language_contradictions(config["language"]):
        raise ConfigError(f"config: {problem}")
    for problem in scurves_contradictions(config["scurves"]):
        raise ConfigError(f"config: {problem}")
    modular = config["modular"]
    for problem in modular_contradictions(modular, modular_settings(modular)):
        raise ConfigError(f"config: {problem}")


def merge(settings: Mapping[str, Any], delta: Mapping[str, Any]) -> dict[str, Any]:
    """Return `settings` changed by `delta`, as a new dict that shares nothing with either.

    Mappings are merged key by key; any other value, lists included, is replaced.
    """
    merged = copy.deepcopy(dict(settings))
    for key, value in delta.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(old, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def variant_settings(name: str, study: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """Return a study's settings with those of one variant applied.

    Parameters
    ----------
    name : str
        Name of the study.
    study : mapping
        Its part of the configuration.
    variant : str
        Name of one of its variants.

    Returns
    -------
    dict
        With the study's keys in `SECTIONS`.
    """
    settings = {section: study[section] for section in SECTIONS[name]}
    return merge(settings, study["variants"][variant]["settings"])


def modular_settings(study: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the complete entry of every setting of the modular-addition study, by experiment.

    Parameters
    ----------
    study : mapping
        The part ``modular`` of the configuration.
    """
    return {
        experiment: {name: merge(study["base"], delta) for name, delta in entries.items()}
        for experiment, entries in study["experiments"].items()
    }


# What the schema cannot express


def _contradictions(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between the keys of a study that is right key by key."""
    study = config[name]
    yield from _variant_contradictions(name, study)
    for variant in study["variants"]:
        yield from _settings_contradictions(name, study, variant)
    yield from _sampler_contradictions(name, study)

    low, high = study["stages"]["length_scale_bounds"]
    if low >= high:
        yield (
            f"'{name}.stages.length_scale_bounds' is [{low}, {high}]; "
            "the first must be below the second"
        )


def _shown_seed_contradictions(config: Mapping[str, Any]) -> Iterator[str]:
    shown, seeds = (
        config["figures"]["shown_seed"],
        config["regression"]["variants"]["base"]["seeds"],
    )
    if shown not in seeds:
        yield (
            f"'figures.shown_seed' is {shown}, which has no run; choose one of the seeds {seeds} "
            "of 'regression.variants.base' or add it there"
        )


def _variant_contradictions(name: str, study: Mapping[str, Any]) -> Iterator[str]:
    variants = study["variants"]
    for needed, analyses in REQUIRED_VARIANTS[name].items():
        if needed not in variants:
            yield (
                f"'{name}.variants' lacks the variant '{needed}', which all figures start from; "
                "add it"
            )
            return
        missing = [some for some in analyses if some not in variants[needed]["analyses"]]
        if missing:
            yield (
                f"'{name}.variants.{needed}.analyses' lacks {', '.join(missing)}; {needed} needs "
                f"{', '.join(analyses)}"
            )


def _settings_contradictions(name: str, study: Mapping[str, Any], variant: str) -> Iterator[str]:
    settings = variant_settings(name, study, variant)
    delta = study["variants"][variant]["settings"]

    def key(section: str, entry: str) -> str:
        """Name a setting where it is written: in the variant if that changes it."""
        changed = entry in delta.get(section, {})
        place = f"{name}.variants.{variant}.settings" if changed else name
        return f"'{place}.{section}.{entry}' ({settings[section][entry]})"

    network, training = settings["network"], settings["training"]
    num_steps = training["num_steps"]
    if network["embed_dim"] % network["num_heads"]:
        yield (
            f"{key('network', 'num_heads')} does not divide {key('network', 'embed_dim')}; "
            "change one of the two"
        )
    if num_steps * training.get("warmup_fraction", 1.0) <= 1:
        yield (
            f"{key('training', 'warmup_fraction')} of {key('training', 'num_steps')} is no more "
            "than one step; raise one of the two"
        )
    if settings["checkpoints"]["num_logarithmic"] > num_steps:
        yield (
            f"{key('checkpoints', 'num_logarithmic')} is more than the steps of "
            f"{key('training', 'num_steps')}; set it to at most {num_steps}"
        )
    if settings["trajectory"]["num_steps"] > num_steps + 1:
        yield (
            f"{key('trajectory', 'num_steps')} is more than the steps of "
            f"{key('training', 'num_steps')} and the start; set it to at most {num_steps + 1}"
        )


def _sampler_contradictions(name: str, study: Mapping[str, Any]) -> Iterator[str]:
    samplers = study["llc"]["settings"]
    for required in REQUIRED_SAMPLERS[name]:
        if required not in samplers:
            yield f"'{name}.llc.settings' lacks '{required}', which figures compare; add it"
    seeds = {
        variant: entry["seeds"]
        for variant, entry in study["variants"].items()
        if "llc" in entry["analyses"]
    }
    for sampler, entry in samplers.items():
        wanted = entry["seeds"]
        if wanted is not None and not any(set(wanted) <= set(some) for some in seeds.values()):
            present = "; ".join(f"{variant}: {some}" for variant, some in seeds.items())
            yield (
                f"'{name}.llc.settings.{sampler}.seeds' is {wanted}, but no variant with the "
                f"analysis llc has all of them ({present}); choose among these, or null for all"
            )


def _calibration_contradictions(calibration: Mapping[str, Any]) -> Iterator[str]:
    at = calibration["at"]
    if list(at) != sorted(at):
        yield f"'calibration.at' is {at}; order it in time"
    for subject, entry in calibration.items():
        if not isinstance(entry, Mapping):
            continue
        for axis, values in entry["grid"].items():
            if list(values) != sorted(values):
                yield (
                    f"'calibration.{subject}.grid.{axis}' is {values}; order it from the smallest "
                    "to the largest, because cells are compared with their neighbours"
                )
