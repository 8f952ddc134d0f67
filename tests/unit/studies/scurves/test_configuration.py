"""What a wrong setting of the S-curve study says: one sentence that names the key."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from stagewise.studies.scurves.configuration import REQUIRED
from stagewise.studies.scurves.settings import Setting
from stagewise.workflow.config import ConfigError, checked, completed, merge

ROOT = Path(__file__).parents[4]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
STUDY = completed(CONFIG)["scurves"]
RANK10 = "experiments.lowrank.rank10"


def message_after(path: str, value: Any) -> str:
    delta: Any = value
    for part in reversed(f"scurves.{path}".split(".")):
        delta = {part: delta}
    with pytest.raises(ConfigError) as caught:
        checked(merge(CONFIG, delta))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (
            f"{RANK10}.rank",
            101,
            ("'scurves.experiments.lowrank.rank10.rank' (101)", "at most 100"),
        ),
        ("dimension", 8, ("lowrank.rank10.rank' (10) is more than 'scurves.dimension' (8)",)),
        (
            "num_seeds.few",
            0,
            ("'scurves.num_seeds.few' is 0; it must be an integer of at least 1",),
        ),
        (
            f"{RANK10}.learning_rates",
            [-0.1],
            ("'scurves.experiments.lowrank.rank10.learning_rates[0]' is -0.1", "above 0"),
        ),
        (f"{RANK10}.weight_decays", [-0.1], ("weight_decays[0]' is -0.1", "at least 0")),
        (f"{RANK10}.optimiser", "momentum", ("one of adam, adamw, sgd",)),
        (f"{RANK10}.logit_scale", 3.0, ("rank10.logit_scale' (3.0) must be null",)),
        ("experiments.entropy.entropy2.logit_scale", None, ("must be a number",)),
        (
            "experiments.attention.attention2.num_components",
            3,
            ("num_components' (3) must be 4 for the task attention",),
        ),
        ("experiments.adam.adam2.weight_decays", [0.1], ("take adamw for weight decay",)),
        ("records.num_logarithmic", 110, ("'scurves.records.num_logarithmic' (110)", "noself1")),
        ("shown_seed", 1000, ("'scurves.shown_seed' (1000) has no run",)),
        ("flow.settings", ["rank1", "rank3"], ("names 'rank3', which is no setting",)),
        ("flow.settings", ["rank1", "adam2"], ("only products learned by sgd",)),
        ("flow.settings", ["rank2"], ("lacks 'rank1', which a figure shows",)),
        ("experiments.mine", {"rank1": STUDY["experiments"]["lowrank"]["rank1"]}, ("the name of",)),
        (f"{RANK10}.momentum", 0.9, ("unknown key 'scurves.experiments.lowrank.rank10.momentum'",)),
    ],
)
def test_wrong_values(path, value, parts):
    if path == "records.num_logarithmic":
        value = STUDY["experiments"]["variants"]["noself1"]["num_steps"] + 1
        parts = (f"'scurves.records.num_logarithmic' ({value})", "noself1.num_steps")
    message = message_after(path, value)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("experiment", REQUIRED)
def test_settings_that_figures_compare_are_needed(experiment):
    for name in (None, *REQUIRED[experiment]):
        config = copy.deepcopy(CONFIG)
        experiments = config["scurves"]["experiments"]
        if name is None:
            del experiments[experiment]
        else:
            del experiments[experiment][name]
        with pytest.raises(
            ConfigError, match=f"lacks '{name or experiment}', which figures compare"
        ):
            checked(config)


def test_an_experiment_of_ones_own_passes():
    setting = {**STUDY["experiments"]["lowrank"]["rank2"], "rank": 3}
    checked(merge(CONFIG, {"scurves": {"experiments": {"mine": {"rank3": setting}}}}))


def test_a_setting_takes_dimension_rank_and_seeds_from_the_study():
    full = Setting.of("full", STUDY["experiments"]["fullrank"]["full"], STUDY)
    assert (full.dimension, full.rank) == (100, 100)
    assert full.num_seeds == STUDY["num_seeds"]["many"]
    scalar = Setting.of("scalar", STUDY["experiments"]["linear"]["scalar"], STUDY)
    assert (scalar.dimension, scalar.rank) == (1, 1)
    assert len(scalar.cases) == 3
    head = Setting.of("head", STUDY["experiments"]["attention"]["attention2"], STUDY)
    assert head.groups == ((0, 1), (2, 3))
    assert scalar.groups == ((0,),)
