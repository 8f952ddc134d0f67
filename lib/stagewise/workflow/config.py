"""The configuration: completed and checked once, before anything runs.

What keys there are, what each may hold and what they demand of each other stands in the dataclasses that
they become. Every problem is one sentence that names the key, its value and the remedy.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Annotated, Any, get_args, get_origin

from stagewise.core.entries import Derived, build, left_out, marks_of, settings_in
from stagewise.core.fields import ContradictionError, some_of, types_of
from stagewise.studies.sections import more_components_than_steps
from stagewise.workflow.configuration import (
    OPTIONAL,
    RUN_SETTINGS,
    Configuration,
    whole_schema,
)
from stagewise.workflow.schema_errors import first_problem, shown

STUDIES = tuple(RUN_SETTINGS)
SECTIONS = {study: tuple(types_of(settings)) for study, settings in RUN_SETTINGS.items()}
"""What a run is made of, by study; the studies whose networks are trained one by one."""


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the key and the remedy."""


def checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration completed, if there is nothing wrong with it; see `completed`.

    Of several problems one is reported: unknown keys before missing ones, these before wrong types
    and those before impossible values; among equals the first in the order of the file. What keys
    demand of each other is checked last.

    Parameters
    ----------
    config : mapping
        The configuration after presets and command line are merged.

    Raises
    ------
    ConfigError
        With one line that names the key, its value and what is allowed.
    """
    complete = completed(config)
    problem = first_problem(complete, _schema())
    if problem is not None:
        raise ConfigError(f"config: {problem}")
    try:
        build(Configuration, complete)
        for section in OPTIONAL.keys() & complete.keys():
            build(OPTIONAL[section], complete[section], (section,))
    except ContradictionError as error:
        place = error.place
        told = error.told(lambda key: _named(config, (*place, *key.split("."))))
        raise ConfigError(f"config: {told}") from None
    for study in STUDIES:
        for variant in complete[study]["variants"]:
            _check_variant(study, variant, complete[study])
    return complete


@functools.cache
def _schema() -> Mapping[str, Any]:
    return whole_schema()


def _check_variant(study: str, variant: str, section: Mapping[str, Any]) -> None:
    """Check a run's settings; a key is named where it is written, in the variant if that changes it."""
    analysed = "essential_dynamics" in section["variants"][variant]["analyses"]
    components = section["essential_dynamics"]["num_components"] if analysed else 0
    try:
        run = build(RUN_SETTINGS[study], variant_settings(study, section, variant))
        for sentence in more_components_than_steps(run.trajectory.num_steps, components):
            raise ContradictionError(sentence, run)
    except ContradictionError as error:
        changes = section["variants"][variant]["settings"]

        def name(key: str, place: tuple[str, ...] = error.place) -> str:
            path = [*place, *key.split(".")]
            changed = _holds(changes, path)
            return _quoted(study, *(("variants", variant, "settings") if changed else ()), *path)

        raise ConfigError(f"config: {error.told(name)}") from None


def _named(config: Mapping[str, Any], path: tuple[str, ...]) -> str:
    """Name a key where the file states it, and the setting that has it from there if it does not."""
    stated = path
    while not _holds(config, [*stated]):
        holder = _part(config, *stated[:4])
        if stated[1:2] == ("experiments",):
            stated = (stated[0], "base", *stated[4:])
        elif stated[1:3] == ("llc", "settings") and isinstance(holder.get("like"), str):
            stated = (*stated[:3], holder["like"], *stated[4:])
        else:
            return _quoted(*path)
    return _quoted(*stated) + (f" of {_quoted(*path[:4])}" if stated != path else "")


def _quoted(*path: str) -> str:
    return f"'{'.'.join(path)}'"


def _holds(changes: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(changes, Mapping) or part not in changes:
            return False
        changes = changes[part]
    return True


# What is stated as changes of something else


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in which each sampler and each setting of an experiment has all its keys.

    A sampler that is `like` another one takes what it does not state from it; settings of experiments
    take it from their study's `base`; sections that there need not be take their defaults. What is
    complete stays as it is.

    Raises
    ------
    ConfigError
        If a sampler is like none that there is, or like itself in the end.
    """
    complete = copy.deepcopy(dict(config)) if isinstance(config, Mapping) else config
    for study in complete if isinstance(complete, dict) else ():
        samplers = _part(complete, study, "llc", "settings")
        for name in list(samplers):
            samplers[name] = _resembled(samplers, (name,), f"{study}.llc.settings")
        base, experiments = _part(complete, study, "base"), _part(complete, study, "experiments")
        for entries in experiments.values():
            if isinstance(entries, dict):
                entries |= {n: merge(base, e) for n, e in entries.items() if isinstance(e, dict)}
    for section in OPTIONAL:
        if isinstance(complete, dict) and section in complete:
            complete[section] = _with_defaults(OPTIONAL[section], complete[section])
    return complete


def _with_defaults(kind: Any, entry: Any) -> Any:
    """Return an entry with defaults of the settings that it becomes, where it states none."""
    if not isinstance(entry, Mapping):
        return entry
    plain = kind.__origin__ if get_origin(kind) is Annotated else kind
    if get_origin(plain) is Mapping:
        return {name: _with_defaults(get_args(plain)[1], part) for name, part in entry.items()}
    settings = settings_in(kind)
    if settings is None:
        return entry
    filled = dict(entry)
    types = types_of(settings)
    for one in fields(settings):
        if one.name in left_out(kind):
            continue
        if one.name in entry:
            filled[one.name] = _with_defaults(types[one.name], entry[one.name])
        elif one.default is not MISSING:
            filled[one.name] = list(one.default) if isinstance(one.default, tuple) else one.default
        elif any(isinstance(mark, Derived) for mark in marks_of(types[one.name])):
            filled[one.name] = _with_defaults(types[one.name], {})
    return filled


def _part(config: Any, *path: str) -> dict[str, Any]:
    """Return a part of the configuration; an empty one where the file holds no mapping."""
    for part in path:
        config = config.get(part) if isinstance(config, dict) else None
    return config if isinstance(config, dict) else {}


def _resembled(samplers: Mapping[str, Any], names: tuple[str, ...], place: str) -> Any:
    """Return the last-named sampler, complete; the names before are those that are like it."""
    entry = samplers[names[-1]]
    if not isinstance(entry, Mapping) or "like" not in entry:
        return entry
    own, other = {key: value for key, value in entry.items() if key != "like"}, entry["like"]
    problem = f"config: {_quoted(place, str(names[-1]), 'like')} is {shown(other)}"
    if not isinstance(other, str) or other not in samplers:
        known = some_of([str(name) for name in samplers], most=5)
        raise ConfigError(f"{problem}, which is none of {known}; correct the name")
    if other in names:
        raise ConfigError(f"{problem}, which leads back to itself; state one of them in full")
    model = _resembled(samplers, (*names, other), place)
    return merge(model, own) if isinstance(model, Mapping) else own


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
