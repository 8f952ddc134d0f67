"""Runs are what the configuration lists; an identity changes when, and only when, training does."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import yaml

from stagewise.workflow.config import SECTIONS, completed, merge
from stagewise.workflow.runs import Run, expand_runs, run_identity

CONFIG = completed(yaml.safe_load((Path(__file__).parents[3] / "config/config.yaml").read_text()))


def first_run(regression: dict | None = None) -> Run:
    return expand_runs(merge(CONFIG, {"regression": regression or {}}))[0]


def test_a_run_for_every_variant_and_seed_in_order():
    runs = expand_runs(CONFIG)
    expected = [
        (study, f"{variant}-s{seed}", variant, seed)
        for study in ("regression", "language")
        for variant, entry in CONFIG[study]["variants"].items()
        for seed in entry["seeds"]
    ]
    assert [(run.study, run.name, run.variant, run.seed) for run in runs] == expected
    assert len({run.name for run in runs}) == len(runs)


def test_settings_are_the_studys_with_the_variants_changes():
    runs = {run.name: run for run in expand_runs(CONFIG)}
    assert tuple(runs["base-s0"].settings) == SECTIONS["regression"]
    assert runs["base-s0"].settings["task"]["num_tasks"] is None
    assert runs["tasks16-s0"].settings["task"]["num_tasks"] == 16
    assert runs["base-s0"].analyses == ("metrics", "llc", "essential_dynamics")
    assert runs["tasks16-s0"].analyses == ("metrics",)
    assert tuple(runs["onelayer-s0"].settings) == SECTIONS["language"]
    assert runs["onelayer-s0"].settings["network"]["num_layers"] == 1


def test_runs_share_no_settings_with_each_other_or_the_configuration():
    config = copy.deepcopy(CONFIG)
    one, two, *_ = expand_runs(config)
    one.settings["training"]["betas"][0] = 0.5
    assert two.settings["training"]["betas"][0] == 0.9
    assert config == CONFIG


def test_a_run_is_frozen_and_hashable():
    run = first_run()
    assert hash(run) == hash(first_run())
    assert run == first_run()
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.seed = 3


def test_adding_a_seed_keeps_the_identities_of_the_others():
    before = {run.name: run_identity(run, 0) for run in expand_runs(CONFIG)}
    more = merge(CONFIG, {"regression": {"variants": {"base": {"seeds": [7, 0, 1, 2, 3, 4]}}}})
    after = {run.name: run_identity(run, 0) for run in expand_runs(more)}
    assert set(after) - set(before) == {"base-s7"}
    assert all(after[name] == identity for name, identity in before.items())


def test_identities_differ_between_runs_and_root_seeds():
    runs = expand_runs(CONFIG)
    identities = {run_identity(run, root_seed) for run in runs for root_seed in (0, 1)}
    assert len(identities) == 2 * len(runs)
    assert run_identity(dataclasses.replace(runs[0], study="language"), 0) not in identities


@pytest.mark.parametrize(
    "change",
    [
        {"task": {"noise_variance": 0.25}},
        {"network": {"residual": "standard"}},
        {"training": {"batch_size": 128}},
        {"checkpoints": {"num_linear": 50}},
        {"trajectory": {"num_contexts": 512}},
        {"variants": {"base": {"settings": {"network": {"num_layers": 1}}}}},
    ],
)
def test_identity_changes_with_training(change):
    assert run_identity(first_run(change), 0) != run_identity(first_run(), 0)


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"segment_steps": 10}},
        {"evaluation": {"num_contexts": 64}},
        {"llc": {"num_checkpoints": 3}},
        {"variants": {"base": {"analyses": ["metrics"]}}},
        {"variants": {"base": {"settings": {"task": {"num_examples": 8}}}}},
    ],
)
def test_identity_ignores_what_training_does_not_use(change):
    assert run_identity(first_run(change), 0) == run_identity(first_run(), 0)


def test_identity_leaves_the_run_as_it_was():
    run = first_run()
    run_identity(run, 0)
    assert run == first_run()
