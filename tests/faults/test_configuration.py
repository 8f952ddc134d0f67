"""Whatever a key of the configuration holds is taken, or refused in one sentence that names the key."""

from __future__ import annotations

import copy
import datetime
import functools
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import yaml

from stagewise.workflow.calibration import calibration_settings, failure_steps
from stagewise.workflow.config import ConfigError, checked, completed, merge
from stagewise.workflow.configuration import whole_schema
from stagewise.workflow.figures import CALIBRATED, FigurePlan
from stagewise.workflow.plan import Plan
from stagewise.workflow.schema_errors import problems
from stagewise.workflow.sources import require_corpus
from stagewise.workflow.subjects import staged, steps_of_entry
from tests.projects import ROOT

Path = tuple[Any, ...]


def of_file(name: str) -> dict[str, Any]:
    return yaml.load((ROOT / f"config/{name}.yaml").read_text(), yaml.CSafeLoader)


CONFIG = of_file("config")
PRESETS = {name: merge(CONFIG, of_file(name)) for name in ("smoke", "laptop", "paper")}
OWN = {"factory": "net.py:subject", "runs": {"net": "states"}, "inputs": ["data.csv"]}
SCHEMA = whole_schema()

ODD: list[Any] = [
    *("many", "3e4", "1e400", "", " ", "a\nb", "x" * 1000, "\u2028"),
    *(True, None, datetime.date(2026, 11, 28), {}, {"a": 1}, {1: 2}, []),
    *(-1, 0, 1, 2, 10**9, 2**63, 2**64, 16**4000),
    *(-0.5, 0.0, 1e-300, 0.5, 1.0, 1.5, 1e29, 1e300, -1e300),
    *(float("nan"), float("inf"), float("-inf")),
]


def leaves(value: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the path of every key that holds no mapping."""
    for key, child in value.items():
        if isinstance(child, Mapping) and child:
            yield from leaves(child, (*path, key))
        else:
            yield (*path, key)


def changes() -> Iterator[Callable[[Any], Any]]:
    """Yield functions from what a leaf holds to what it should not, or might."""
    for odd in ODD:
        yield lambda _, odd=odd: copy.deepcopy(odd)
        yield lambda old, odd=odd: [odd, *old[1:]] if isinstance(old, list) else [odd]
    yield lambda old: [*old, old[0]] if isinstance(old, list) and old else [old, old]
    yield lambda old: list(reversed(old)) if isinstance(old, list) else [1, [1], {"a": 1}]


def read(config: Mapping[str, Any]) -> None:
    """Read a configuration as the workflow does before it plans."""
    config = checked(config)
    require_corpus(config["language"]["corpus"])
    plan = Plan(config)
    FigurePlan(plan)
    staged(plan)
    for run in plan.runs_of("regression"):
        steps_of_entry("scale", run, plan), failure_steps(run, plan)
    for model in CALIBRATED:
        calibration_settings(model, plan)


def refusal(config: Mapping[str, Any]) -> str | None:
    """Return the sentence with which a configuration is refused, or None."""
    try:
        read(config)
    except ConfigError as error:
        message = str(error)
        assert len(message) <= 300, message
        assert message.isprintable(), message
        return message
    return None


def changed(config: dict[str, Any], path: Path, change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a configuration with one leaf changed; the rest is shared."""
    new = dict(config)
    if len(path) == 1:
        new[path[0]] = change(config[path[0]])
    else:
        new[path[0]] = changed(config[path[0]], path[1:], change)
    return new


def told(sentences: list[str]) -> set[str]:
    """Return the keys that sentences begin with, without positions in lists."""
    for sentence in sentences:
        assert len(sentence) <= 300 - len("config: "), sentence
        assert sentence.isprintable(), sentence
    return {sentence.split("'")[1].partition("[")[0] for sentence in sentences}


@functools.cache
def taken() -> tuple[int, list[tuple[str, Path, Any]]]:
    """Try every change on every leaf of every preset, all leaves at once, by the schema alone.

    Returns
    -------
    int
        Number of cases.
    list of tuple
        Preset, leaf and value of those that the schema lets pass.
    """
    tried, passed = 0, []
    for name, preset in PRESETS.items():
        config = preset | {"own": OWN}
        places = [path for path in leaves(config) if path[-1] != "like"]
        held = {path: functools.reduce(operator.getitem, path, config) for path in places}
        for change in changes():
            bad = config
            for path in places:
                bad = changed(bad, path, change)
            said = told(problems(completed(bad), SCHEMA))
            tried += len(places)
            passed += [(name, p, change(held[p])) for p in places if ".".join(p) not in said]
    return tried, passed


def test_no_value_gives_more_than_a_sentence_that_names_its_key():
    tried, passed = taken()
    assert tried > 150_000
    assert len(passed) < 0.06 * tried


def test_no_mistyped_key_goes_unnoticed():
    mistyped = copy.deepcopy(PRESETS["smoke"])
    places = [*leaves(mistyped)]
    for *above, key in places:
        level = functools.reduce(operator.getitem, above, mistyped)
        level[f"{key}x"] = level.pop(key)
    found = problems(completed(mistyped), SCHEMA)
    unknown = {text.split("'")[1] for text in found if text.startswith("unknown key")}
    assert {".".join(path) + "x" for path in places} <= unknown
    assert len(places) > 700


NUMBERS = ("0", "1", "1000000000", "1e+29")
"""Of the numbers that a type may allow, those that are tried with all other keys."""


def test_values_that_a_type_allows_go_with_the_others_or_name_their_key():
    """Each is read as the workflow reads it, in one preset; equal keys of settings count once."""
    known: set[tuple[Path, str]] = set()
    for name, path, value in taken()[1]:
        entry = value[0] if isinstance(value, list) and value else value
        key = (*path[:2], *path[4:]) if "experiments" in path else path
        unlike = isinstance(entry, int | float) and repr(entry) not in NUMBERS
        if path[0] == "own" or unlike or (key, repr(value)) in known:
            continue
        known.add((key, repr(value)))
        message = refusal(changed(PRESETS[name], path, lambda _, value=value: value))
        assert message is None or f"'{'.'.join(path)}" in message, message
    assert len(known) > 600


def test_names_of_samplers_to_be_like():
    place = ("regression", "llc", "settings", "fresh", "like")
    for odd in ODD:
        message = refusal(changed(PRESETS["smoke"], place, lambda _, odd=odd: odd))
        assert message is not None, odd
        assert "'regression.llc.settings.fresh.like' " in message


NEW = {"seeds": [0], "settings": {}, "analyses": ["metrics"]}
DEVELOPED = NEW | {"analyses": ["essential_dynamics"]}


def variant(study: str, entry: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {study: {"variants": {"mine": entry | {"settings": settings}}}}


def test_what_a_job_would_fail_on_is_refused():
    """Values that were once taken, of the base, of variants and of settings of experiments."""
    wrong = {
        "regression.llc.settings.local.num_draws": (1,),
        "regression.llc.settings.local.localization": (0, 0.0),
        "regression.llc.settings.local.n_beta": (None,),
        "regression.llc.num_samples": (1,),
        "regression.llc.num_checkpoints": (4,),
        "regression.llc.scale.factors": ([0.5, 2.0, 1e29],),
        "regression.stages.grid_points": (3, 10**6),
        "regression.essential_dynamics.num_components": (100, 2000),
        "regression.trajectory.num_steps": (3,),
        "regression.task.num_examples": (1, 3),
        "regression.evaluation.num_contexts": (1,),
        "regression.training.max_learning_rate": (1e300,),
        "regression.training.num_steps": (7,),
        "regression.checkpoints.num_linear": (10**12,),
        "regression.task_prior.records.num_logarithmic": (21,),
        "regression.published.types": ("AB",),
        "regression.published.milestones": ([5, 3, 4, 6],),
        "language.llc.num_checkpoints": (1,),
        "language.essential_dynamics.num_components": (21,),
        "language.context_length": (2,),
        "language.network.embed_dim": (2,),
        "language.network.init_scale": (1e29,),
        "language.evaluation.ngram_lengths": ([33],),
        "figures.shown_seed": (0,),
        "language.training.learning_rate": (1e300,),
        "modular.llc.num_checkpoints": (4,),
        "modular.llc.settings.local.seeds": ([1],),
        "modular.base.records.num_linear": (10**12,),
        "modular.experiments.stages.late.learning_rates": ([1e300],),
        "scurves.records.num_linear": (10**12,),
        "scurves.experiments.lowrank.rank4.rank": (13,),
        "scurves.experiments.variants.decay1.weight_decays": ([0.1, 0.2],),
        "scurves.base.rank": (2,),
        "calibration.rrr.model.rank": (5, 7),
        "calibration.rrr.model.num_hidden": (1,),
        "second_opinion.step_bias": (1e-29,),
        "root_seed": (2**63, 2**64),
    }
    for place, values in wrong.items():
        for value in values:
            path = tuple(place.split("."))
            message = refusal(changed(PRESETS["smoke"], path, lambda _, value=value: value))
            assert message is not None, (place, value)
            assert f"'{place}" in message
    short = {"num_steps": 3}
    for study, settings, key in (
        ("regression", variant("regression", NEW, task={"num_examples": 3}), "task.num_examples"),
        ("regression", variant("regression", NEW, training={"num_steps": 7}), "training.num_steps"),
        (
            "regression",
            variant("regression", DEVELOPED, trajectory=short),
            "trajectory.num_steps",
        ),
        (
            "language",
            variant("language", DEVELOPED, trajectory=short),
            "trajectory.num_steps",
        ),
        ("language", variant("language", NEW, training={"num_steps": 5}), "training.num_steps"),
    ):
        message = refusal(merge(PRESETS["smoke"], settings))
        assert message is not None, settings
        assert f"'{study}.variants.mine.settings.{key}' (" in message


def test_a_setting_for_all_seeds_is_needed():
    settings = {name: {"seeds": [1]} for name in ("published", "local", "fresh", "likelihood")}
    delta = {"regression": {"llc": {"settings": settings}}}
    message = refusal(merge(PRESETS["smoke"], delta))
    assert message is not None
    assert "'regression.llc.settings' has no setting for all seeds" in message


@pytest.mark.parametrize("path", [("preset",), ("regression", "published", "types")])
def test_a_line_break_at_the_end_is_no_part_of_a_name(path):
    message = refusal(changed(PRESETS["smoke"], path, lambda old: f"{old}\n"))
    assert message is not None
    assert f"'{'.'.join(path)}' holds a line break" in message
