"""Files, settings and shards of the runs whose LLC is estimated, as the rules ask for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from stagewise.llc.settings import SGLDConfig
from stagewise.workflow.code import code_digests
from stagewise.workflow.config import completed
from stagewise.workflow.plan import Plan
from stagewise.workflow.subjects import (
    llc_shards,
    sampler_settings,
    sampling,
    staged,
    steps_at,
    steps_of,
    subject_paths,
    subject_settings,
)

ROOT = Path(__file__).parents[3]
RUNS = [("regression", "base-s0"), ("language", "twolayers-s0"), ("modular", "late-s0")]
"""A run of each study whose runs are subjects."""


def plan_of(*presets: str) -> Plan:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for preset in presets:
        update_config(config, yaml.safe_load((ROOT / f"config/{preset}.yaml").read_text()))
    return Plan(completed(config))


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of("smoke")


def test_the_order_in_which_a_sampler_is_written_is_no_setting(plan):
    settings = plan.config["regression"]["llc"]["settings"]
    turned = {**settings, "local": dict(reversed(settings["local"].items()))}
    regression = {**plan.config["regression"], "llc": {"settings": turned}}
    other = Plan({**plan.config, "regression": regression})
    run = plan.runs["regression", "base-s0"]
    written = [str(sampler_settings(run, "local", one)) for one in (plan, other)]
    assert written[0] == written[1]


def test_networks_of_modular_addition_are_runs_of_their_settings(plan):
    runs = plan.runs_of("modular", "llc")
    assert [run.name for run in runs] == ["late-s0", "random-s0"]
    assert [run.settings["labels"] for run in runs] == ["sum", "random"]


def test_files_lie_with_the_study(plan):
    paths = {run[0]: subject_paths(plan.runs[run], plan) for run in RUNS}
    assert paths["regression"] == {"checkpoints": "results/smoke/regression/base-s0/checkpoints.h5"}
    assert set(paths["language"]) == {"checkpoints", "rows", "index"}
    assert paths["language"]["rows"] == "results/smoke/language/train.bin"
    assert paths["modular"] == {"checkpoints": "results/smoke/modular/stages/checkpoints.h5"}


@pytest.mark.parametrize("name", RUNS)
def test_shards_are_the_checkpoints_in_an_order_that_a_finer_grid_only_lengthens(plan, name):
    run = plan.runs[name]
    flat = [step for shard in llc_shards(run, plan) for step in shard]
    assert len(set(flat)) == len(flat)
    assert flat[0] == 0
    assert set(flat) <= set(steps_of(run).tolist())
    llc = plan.config[run.study]["llc"]
    assert all(len(shard) <= llc["shard_size"] for shard in llc_shards(run, plan))
    finer = {
        **plan.config,
        run.study: {**plan.config[run.study], "llc": {**llc, "num_checkpoints": 99}},
    }
    more = [step for shard in llc_shards(run, Plan(finer)) for step in shard]
    assert more[: len(flat)] == flat
    assert sorted(more) == steps_of(run).tolist()


@pytest.mark.parametrize("name", RUNS)
def test_what_the_sampler_takes_and_what_else_a_setting_says(plan, name):
    run = plan.runs[name]
    sampler = sampler_settings(run, "local", plan)
    SGLDConfig(**sampler)
    assert (sampler["n_beta"] is None) == (run.study == "modular")
    assert sampling(run, "local", plan)["noise"] == "shared"
    given = subject_settings(run, "local", plan)
    assert (given["identity"] is None) == (run.study == "modular")
    assert ("num_samples" in given["measured"]) == (run.study != "modular")


def test_the_likelihood_is_another_loss(plan):
    run = plan.runs["regression", "base-s1"]
    losses = [
        subject_settings(run, name, plan)["measured"]["loss"] for name in ("local", "likelihood")
    ]
    assert losses == ["all_positions", "random_prefix"]


def test_steps_near_shares_of_training(plan):
    assert steps_at(plan.runs["regression", "base-s0"], 0.0, 1.0) == [0, 200]
    middle = steps_at(plan.runs["regression", "base-s0"], 0.5)[0]
    assert abs(middle - 100) == min(abs(steps_of(plan.runs["regression", "base-s0"]) - 100))


def test_stages_are_asked_for_where_there_are_checkpoints_enough(plan):
    names = {(run.study, run.name) for run in staged(plan)}
    assert not {name for study, name in names if study == "modular"}
    assert {("regression", "base-s0"), ("language", "twolayers-s0")} <= names
    assert {"late-s0", "random-s2"} <= {run.name for run in staged(plan_of("laptop"))}


@pytest.mark.parametrize("study", [study for study, _ in RUNS])
def test_estimates_of_a_study_reach_the_code_of_no_other(study):
    module = f"stagewise.studies.{study}.subject"
    reached = code_digests(ROOT / "scripts/llc_shard.py", ROOT, (module,))
    assert f"lib/stagewise/studies/{study}/subject.py" in reached
    assert not {name for name in reached if "/studies/" in name and f"/{study}/" not in name} - {
        "lib/stagewise/studies/__init__.py",
        "lib/stagewise/studies/subjects.py",
    }
    assert not {name for name in reached if "/figures/" in name or "/claims/" in name}
