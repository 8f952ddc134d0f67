"""The schema is closed and described, config.yaml passes, every mistake is named in one line."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from snakemake.cli import parse_config

from stagewise.core.fields import some_of
from stagewise.studies.sections import ANALYSES
from stagewise.workflow.config import (
    SECTIONS,
    STUDIES,
    ConfigError,
    checked,
    completed,
    merge,
    variant_settings,
)
from stagewise.workflow.config_files import require_distinct_keys, typed
from stagewise.workflow.configuration import OPTIONAL, REQUIRED_SAMPLERS, whole_schema
from stagewise.workflow.schema import reference_page, schema_file

ROOT = Path(__file__).parents[3]
NOT_CONFIGURATIONS = {"schema.yaml", "claims.yaml", "claims_schema.yaml"}
CONFIGURATIONS = sorted(
    path for path in (ROOT / "config").glob("*.yaml") if path.name not in NOT_CONFIGURATIONS
)
SCHEMA = yaml.safe_load((ROOT / "config/schema.yaml").read_text())
COMPLETE = whole_schema()
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
COMPLETE_SMOKE = merge(CONFIG, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
NEW_VARIANT = {"seeds": [0], "settings": {}, "analyses": ["metrics"]}


def nested(path: str, value: Any) -> dict[str, Any]:
    for part in reversed(path.split(".")):
        value = {part: value}
    return value


def message_after(delta: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        checked(merge(CONFIG, delta))
    message = str(caught.value)
    assert message.startswith("config: ")
    assert "\n" not in message
    return message


def message_without(path: str) -> str:
    config = copy.deepcopy(CONFIG)
    *parents, last = path.split(".")
    level = config
    for part in parents:
        level = level[part]
    del level[last]
    with pytest.raises(ConfigError) as caught:
        checked(config)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Files


def test_a_key_that_is_there_twice_is_named_with_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("a: {b: 1}\nc:\n  - {d: 2, e: 3}\n  - d: 2\n    d: 4\n")
    with pytest.raises(ConfigError, match=r"own\.yaml has 'c\.1\.d' twice, in lines 4 and 5"):
        require_distinct_keys(path)


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_no_configuration_has_a_key_twice(path: Path) -> None:
    require_distinct_keys(path)


def test_what_stands_in_braces_on_the_command_line_has_the_types_of_yaml():
    given = parse_config(
        [
            "language={training: {num_steps: 30, learning_rate: 1.5e-3}, llc: {source: train}}",
            "modular={base: {batch_size: null}, gradients: {settings: [late, 3], fast: true}}",
            "preset=trial",
            "root_seed=7",
        ]
    )
    assert given["language"]["training"]["num_steps"] == "30"  # else `typed` could go
    assert typed(given) == {
        "language": {
            "training": {"num_steps": 30, "learning_rate": 1.5e-3},
            "llc": {"source": "train"},
        },
        "modular": {
            "base": {"batch_size": None},
            "gradients": {"settings": ["late", 3], "fast": True},
        },
        "preset": "trial",
        "root_seed": 7,
    }


# The schema


def raw_levels(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in the schema file, wherever it stands."""
    if isinstance(part, dict):
        yield part
        for child in part.values():
            yield from raw_levels(child)
    elif isinstance(part, list):
        for child in part:
            yield from raw_levels(child)


def reached_levels(part: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schema of every key that a configuration may hold."""
    yield path, part
    for name, child in part.get("properties", {}).items():
        yield from reached_levels(child, f"{path}.{name}".removeprefix("."))
    for child in part.get("patternProperties", {}).values():
        yield from reached_levels(child, f"{path}.<name>")


LEVELS = dict(reached_levels(SCHEMA))


def test_schema_is_valid():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_level_is_closed():
    objects = [level for level in raw_levels(SCHEMA) if level.get("type") == "object"]
    assert len(objects) > 10
    assert all(level["additionalProperties"] is False for level in objects)
    for path, level in LEVELS.items():
        if "properties" in level or "patternProperties" in level:
            assert level["type"] == "object", path
            assert level["additionalProperties"] is False, path


def test_every_key_is_described_by_a_sentence():
    for path, level in LEVELS.items():
        plain_value_of_a_name = path.endswith(".<name>") and level["type"] == "string"
        if path and not plain_value_of_a_name:  # its mapping says what it is
            assert level.get("description", "").endswith("."), path


def test_every_key_has_a_type():
    for path, level in LEVELS.items():
        assert "type" in level or "enum" in level, path
        if level.get("type") == "array":
            assert "items" in level, path


def test_files_made_of_the_settings_are_up_to_date():
    """Otherwise: ``python -m stagewise.workflow.schema``."""
    assert (ROOT / "config/schema.yaml").read_text() == schema_file()
    assert (ROOT / "docs/configuration.md").read_text() == reference_page(CONFIG)


def test_everything_is_required_except_where_changes_are_stated():
    variants = tuple(f"{study}.variants.<name>.settings" for study in STUDIES)
    derived = (
        *(f"{study}.llc.settings.<name>" for study in (*STUDIES, "modular")),
        *(f"{study}.experiments.<name>.<name>" for study in ("scurves", "modular")),
        *OPTIONAL,
    )
    for levels, free in ((LEVELS, variants + derived), (dict(reached_levels(COMPLETE)), variants)):
        for path, level in levels.items():
            if "properties" in level:
                expected = [] if path.startswith(free) else sorted(level["properties"])
                expected = [key for key in expected if path or key not in OPTIONAL]
                assert sorted(level.get("required", [])) == expected, path


def test_schema_holds_no_defaults():
    assert not any("default" in level for level in raw_levels(SCHEMA))


# Good configurations


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.name)
def test_configurations_in_the_repository_pass(path):
    checked(merge(CONFIG, yaml.safe_load(path.read_text())))


def test_checking_changes_nothing():
    config = copy.deepcopy(CONFIG)
    checked(config)
    assert config == CONFIG


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("regression.task.num_tasks", 16),
        ("regression.llc.settings.fresh.seeds", None),
        ("regression.llc.settings.published.localization", 0),
        ("regression.network.num_heads", 1),
        ("regression.trajectory.num_steps", 500001),
        ("regression.checkpoints.num_logarithmic", 10000),
        ("regression.variants.wide", NEW_VARIANT | {"settings": {"network": {"embed_dim": 128}}}),
    ],
)
def test_possible_values_pass(path, value):
    checked(merge(CONFIG, nested(path, value)))


# Mistakes of one key


def test_unknown_key_names_the_nearest_at_its_level():
    message = message_after(nested("regression.network.n_heads", 4))
    assert "unknown key 'regression.network.n_heads'" in message
    assert message.endswith("did you mean 'num_heads'?")


def test_unknown_key_without_a_near_one_only_lists_the_valid_keys():
    message = message_after({"nosuchkey": 1})
    assert message == (
        f"config: unknown key 'nosuchkey'; valid keys here are {some_of(list(COMPLETE['properties']))}"
    )


@pytest.mark.parametrize(
    ("path", "home"),
    [
        ("mlp_dim", "'mlp_dim' belongs at 'regression.network.mlp_dim'"),
        (
            "regression.training.shard_sizes",
            "'regression.llc.shard_size' or 'modular.llc.shard_size' or 'language.llc.shard_size'",
        ),
        (
            "noise",
            "'modular.llc.settings.<name>.noise' or 'language.llc.settings.<name>.noise'",
        ),
        ("input_scales", "'input_scales' belongs at 'regression.evaluation.input_scales'"),
        (
            "regression.variants.base.settings.llc",
            "'llc' belongs at 'regression.llc' or 'modular.llc' or 'language.llc'",
        ),
    ],
)
def test_unknown_key_of_another_level_is_sent_home(path, home):
    message = message_after(nested(path, 1))
    assert repr(path) in message
    assert message.endswith(home)


def test_unknown_key_inside_a_delta_is_found():
    message = message_after(nested("regression.variants.base.settings.task.dimensions", 3))
    assert "'regression.variants.base.settings.task.dimensions'" in message
    assert "did you mean 'dimension'?" in message


@pytest.mark.parametrize("name", ["Base2", "two_words", "2nd", ""])
@pytest.mark.parametrize("place", ["variants", "llc.settings"])
def test_names_of_variants_and_settings_are_constrained(place, name):
    message = message_after(nested(f"regression.{place}", {name: {}}))
    assert f"'regression.{place}.{name}' is not a valid name" in message


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a\nb", 1),
        ("preset", "smoke\n"),
        ("regression.variants.base\n", {}),
        ("preset", "smo\x00ke"),
    ],
)
def test_line_breaks_are_refused_in_one_line(path, value):
    message = message_after(nested(path, value))
    assert "holds a line break" in message
    assert "\n" not in message
    assert repr(path) in message


@pytest.mark.parametrize("key", [1, True, None])
def test_key_that_is_not_text(key):
    assert message_after({"figures": {key: 1}}).endswith(
        f"the key 'figures.{key}' is not text; put it in quotes"
    )


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("regression.network.num_heads", "an integer of at least 1"),
        ("regression.network", "a mapping with keys among num_layers"),
        ("regression.variants.base.settings", "a mapping with keys among task"),
        ("regression.llc.settings.local.noise", "one of shared, fresh"),
        ("regression.llc.settings.local.seeds", "null or a list of at least 1, none twice"),
        ("regression.llc.settings", "a mapping with names that match ^[a-z][a-z0-9]{0,39}$"),
        ("preset", "text that matches ^[a-z][a-z0-9]{0,39}$"),
    ],
)
def test_missing_key(path, allowed):
    message = message_without(path)
    assert message.startswith(f"config: missing key {path!r}; add it as {allowed}")


@pytest.mark.slow
def test_every_key_of_config_is_missed():
    def paths(level: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for key, value in level.items():
            yield f"{prefix}{key}"
            if isinstance(value, dict):
                yield from paths(value, f"{prefix}{key}.")

    def optional(path: str) -> bool:
        """Whether a key is a member of a map by name, or states a change of something else."""
        member = path == "regression.variants.tasks16"
        changed = ".experiments." in path and path.count(".") > 3
        changed |= ".variants." in path and ".settings." in path
        parts = path.split(".")
        if parts[1:3] == ["llc", "settings"] and len(parts) == 5:
            changed |= "like" in CONFIG[parts[0]]["llc"]["settings"][parts[3]]
        return member or changed

    for path in paths(CONFIG):
        if not optional(path):
            assert path.rpartition(".")[2] in message_without(path)


@pytest.mark.parametrize(
    ("path", "value", "found", "allowed"),
    [
        ("preset", "My preset", '"My preset"', "text that matches ^[a-z][a-z0-9]{0,39}$"),
        ("root_seed", -1, "-1", "an integer of at least 0"),
        ("device", "gpu", '"gpu"', "one of cpu, cuda"),
        ("regression.network.num_heads", 2.0, "2.0", "an integer of at least 1"),
        ("regression.network.num_heads", True, "true", "an integer of at least 1"),
        ("regression.network.num_layers", None, "null", "an integer of at least 1"),
        ("regression.network.residual", "tripled", '"tripled"', "one of doubled, standard"),
        ("regression.task.num_tasks", 0, "0", "null or an integer of at least 1"),
        ("regression.task.noise_variance", 0, "0", "a number above 0"),
        ("regression.training.warmup_fraction", 1.2, "1.2", "null or a number above 0 and below 1"),
        ("regression.training.epsilon", float("nan"), "NaN", "a number above 0"),
        ("regression.training.epsilon", float("inf"), "Infinity", "a number above 0"),
        ("regression.training.betas", [0.9], "[0.9]", "a list of exactly 2, each a number above"),
        ("regression.training.betas", "fast", '"fast"', "a list of exactly 2"),
        ("regression.variants.base.seeds", [], "[]", "a list of at least 1, none twice"),
        ("regression.variants.base.seeds", [1, 1], "[1, 1]", "a list of at least 1, none twice"),
        ("regression.published.types", "ABC", '"ABC"', "text that matches ^[AB]+$"),
        ("regression.llc.settings.local.noise", "old", '"old"', "one of shared, fresh"),
        ("regression.llc.settings.local.paired", "yes", '"yes"', "true or false"),
        (
            "regression.llc.settings.local.loss",
            "mean",
            '"mean"',
            "one of all_positions, random_prefix",
        ),
        ("regression.forms.num_surrogates", 0, "0", "an integer of at least 1"),
        ("language.forms.num_surrogates", 0, "0", "an integer of at least 1"),
        ("calibration.rrr.sampler.num_chains", 1, "1", "an integer of at least 2"),
        ("modular.llc.settings.local.num_chains", 1, "1", "an integer of at least 2"),
        ("modular.base.modulus", 2, "2", "an integer of at least 3"),
        ("modular.measures.rise_end", 1.0, "1.0", "a number above 0 and below 1"),
        ("regression", None, "null", "a mapping with keys among task, network"),
        ("regression.variants.base.settings", None, "null", "a mapping with keys among task"),
    ],
)
def test_wrong_value(path, value, found, allowed):
    message = message_after(nested(path, value))
    assert message.startswith(f"config: {path!r} is {found}; it must be {allowed}")


@pytest.mark.parametrize(
    ("path", "values", "index", "allowed"),
    [
        (
            "regression.variants.base.seeds",
            [0, -1],
            1,
            "an integer of at least 0 and of at most 9223372036854775807",
        ),
        ("regression.variants.base.analyses", ["metric"], 0, f"one of {', '.join(ANALYSES)}"),
        ("regression.training.betas", [0.9, 1.0], 1, "a number above 0 and below 1"),
    ],
)
def test_wrong_value_in_a_list(path, values, index, allowed):
    message = message_after(nested(path, values))
    assert message.startswith(f"config: '{path}[{index}]' is")
    assert message.endswith(f"it must be {allowed}")


@pytest.mark.parametrize(
    ("path", "text", "number"),
    [
        ("regression.training.max_learning_rate", "3e-4", "0.0003"),
        ("regression.training.epsilon", "1e-8", "1.0e-08"),
        ("regression.training.num_steps", "5e5", "500000"),
    ],
)
def test_number_read_as_text_is_explained(path, text, number):
    assert yaml.safe_load(text) == text
    assert yaml.safe_load(number) == float(text)
    message = message_after(nested(path, text))
    assert message.endswith(f"(YAML read it as text: write {number}, without quotes)")


def test_long_values_are_shortened():
    assert len(message_after({"device": "x" * 10000})) < 200


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_file_that_is_no_mapping(content):
    with pytest.raises(ConfigError, match="must be a mapping of keys"):
        checked(content)


def test_mistyped_key_comes_before_other_mistakes_and_files_order_decides():
    several = {"root_seed": "x", "device": "gpu", "regression": {"network": {"heads": 1}}}
    assert "unknown key 'regression.network.heads'" in message_after(several)
    assert "'root_seed' is" in message_after({"device": "gpu", "root_seed": "x"})
    two_wrong_values = {"figures": {"shown_seed": -1}, "root_seed": -1}
    assert "'root_seed' is" in message_after(two_wrong_values)


# Mistakes between keys


def test_heads_must_divide_the_width():
    message = message_after(nested("regression.network.num_heads", 3))
    assert "'regression.network.num_heads' (3) must divide" in message
    assert "'regression.network.embed_dim' (64)" in message


def test_heads_must_divide_the_width_of_a_variant():
    variant = NEW_VARIANT | {"settings": {"network": {"embed_dim": 30}}}
    message = message_after(nested("regression.variants.narrow", variant))
    assert "'regression.network.num_heads' (4)" in message
    assert "'regression.variants.narrow.settings.network.embed_dim' (30)" in message


@pytest.mark.parametrize(
    ("path", "value", "remedy"),
    [
        ("trajectory.num_steps", 500002, "set it to at most 500001"),
        ("training.warmup_fraction", 1e-6, "raise one of the two"),
    ],
)
@pytest.mark.parametrize("place", ["regression", "regression.variants.base.settings"])
def test_more_points_than_steps(place, path, value, remedy):
    message = message_after(nested(f"{place}.{path}", value))
    assert f"'{place}.{path}' ({value})" in message
    assert "'regression.training.num_steps' (500000)" in message
    assert message.endswith(remedy)


def test_more_logarithmic_steps_than_steps():
    assert message_after(nested("regression.training.num_steps", 50)) == (
        "config: 'regression.checkpoints.num_logarithmic' (90) is more than the steps of "
        "'regression.training.num_steps' (50); set it to at most 50"
    )


def test_shown_seed_needs_a_run():
    message = message_after({"figures": {"shown_seed": 9}})
    assert "'figures.shown_seed' (9) has no run" in message
    assert "0, 1, 2, 3, 4 of 'regression.variants.base'" in message


def test_seeds_of_a_setting_need_runs():
    message = message_after(nested("regression.llc.settings.local.seeds", [3, 9]))
    assert "'regression.llc.settings.local.seeds' ([3, 9])" in message
    assert "base: 0, 1, 2, 3, 4" in message
    assert "tasks16" not in message  # has no LLC


@pytest.mark.parametrize(
    ("study", "name"), [(study, name) for study in STUDIES for name in REQUIRED_SAMPLERS[study]]
)
def test_settings_that_figures_compare_are_needed(study, name):
    config = completed(CONFIG)
    del config[study]["llc"]["settings"][name]
    with pytest.raises(ConfigError, match=f"'{study}.llc.settings' lacks '{name}'"):
        checked(config)


def test_variants_of_the_figures_are_needed_with_all_analyses():
    assert "'language.variants' lacks the variant 'onelayer'" in message_without(
        "language.variants.onelayer"
    )
    assert "'regression.variants' lacks the variant 'base'" in message_without(
        "regression.variants.base"
    )
    message = message_after(nested("regression.variants.base.analyses", ["llc"]))
    assert "'regression.variants.base.analyses' lacks metrics, essential_dynamics" in message


def test_bounds_ascend():
    message = message_after(nested("regression.stages.length_scale_bounds", [5.0, 0.5]))
    assert "'regression.stages.length_scale_bounds' ([5.0, 0.5]) must ascend" in message


# Merging


def test_merge_is_deep_replaces_lists_and_shares_nothing():
    settings = {"a": {"x": 1, "y": [1, 2]}, "b": {"z": [0]}, "c": {"n": None}}
    delta = {"a": {"y": [3]}, "c": {"n": {"new": [1]}}}
    before = copy.deepcopy((settings, delta))
    merged = merge(settings, delta)
    assert merged == {"a": {"x": 1, "y": [3]}, "b": {"z": [0]}, "c": {"n": {"new": [1]}}}
    merged["b"]["z"].append(1)
    merged["a"]["y"].append(1)
    merged["c"]["n"]["new"].append(1)
    assert (settings, delta) == before


def test_a_sampler_is_like_another_but_for_what_it_states():
    delta = nested("regression.llc.settings.finer", {"like": "fresh", "step_size": 0.01})
    samplers = checked(merge(CONFIG, delta))["regression"]["llc"]["settings"]
    own = {"noise": "fresh", "seeds": [1], "step_size": 0.01}
    assert samplers["finer"] == samplers["local"] | own
    assert samplers["local"] == CONFIG["regression"]["llc"]["settings"]["local"]


@pytest.mark.parametrize(
    ("samplers", "words"),
    [
        (
            {"local": {"like": "nearby"}},
            "'regression.llc.settings.local.like' is \"nearby\", which is none",
        ),
        (
            {"local": {"like": "local"}},
            "'regression.llc.settings.local.like' is \"local\", which leads back",
        ),
        (
            {"local": {"like": "fresh"}},
            'is "local", which leads back to itself; state one of them in full',
        ),
        ({"local": {"like": 3}}, "is 3, which is none of published, local, fresh, likelihood"),
    ],
)
def test_a_sampler_that_is_like_none_or_itself(samplers, words):
    assert words in message_after(nested("regression.llc.settings", samplers))


def test_settings_of_experiments_are_their_base_but_for_what_they_state():
    delta = {"scurves": {"experiments": {"mine": {"mine3": {"rank": 3}}}}}
    complete = checked(merge(CONFIG, delta))["scurves"]
    assert complete["experiments"]["mine"]["mine3"] == complete["base"] | {"rank": 3}


def test_completing_is_done_once_and_changes_nothing_given():
    config = copy.deepcopy(CONFIG)
    complete = completed(config)
    assert config == CONFIG
    assert completed(complete) == complete
    assert "'like':" not in str(complete)


def test_variant_settings_hold_the_sections_alone():
    settings = variant_settings("regression", CONFIG["regression"], "tasks16")
    assert tuple(settings) == SECTIONS["regression"]
    assert settings["task"] == CONFIG["regression"]["task"] | {"num_tasks": 16}
    assert settings["network"] == CONFIG["regression"]["network"]


def test_modules_read_at_parse_time_are_light():
    heavy = ("torch", "numpy", "h5py", "pandas", "xarray", "scipy")
    program = (
        "import sys, stagewise.workflow.code, stagewise.workflow.config, stagewise.workflow.figures; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "lib",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# The modular-addition study


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        ({"base": {"train_fraction": 1.2}}, ["'modular.base.train_fraction' is 1.2", "below 1"]),
        ({"base": {"network": {"embed_dim": 1}}}, ["'modular.base.network.embed_dim' is 1", "2"]),
        (
            {"experiments": {"stages": {"late": {"train_fraction": 0.0005}}}},
            ["'modular.experiments.stages.late.train_fraction' (0.0005)", "empty"],
        ),
        (
            {"experiments": {"stages": {"late": {"momentum": 0.9}}}},
            ["late.momentum' (0.9) must be 0"],
        ),
        (
            {"experiments": {"stages": {"late": {"modulus": 24}}}},
            ["late.modulus' (24) is even", "need an odd one"],
        ),
        (
            {"experiments": {"stages": {"transformer": {"transformer": {"num_heads": 3}}}}},
            ["num_heads' (3) must divide", "(128)"],
        ),
        (
            {"experiments": {"classes": {"late": {}}}},
            ["'modular.experiments.classes.late' has the name of another setting"],
        ),
        (
            {"experiments": {"stages": {"late": {"num_steps": 3}}}},
            ["stages.late' (100)", "late.num_steps' (3)"],
        ),
        (
            {"experiments": {"scales": {"scaled": {"initial_scales": [1.0, 2.0]}}}},
            ["scaled.initial_scales' ([1.0, 2.0])", "smaller"],
        ),
        (
            {"experiments": {"scales": {"scaled": {"weight_decays": [0.1]}}}},
            ["scaled.weight_decays' ([0.1])", "0.0 and another"],
        ),
        (
            {"modes": {"settings": ["narrow"]}},
            ["'modular.modes.settings' (['narrow']) lacks 'wide'"],
        ),
        (
            {"llc": {"variants": ["late", "random", "adam"]}},
            ["(['late', 'random', 'adam']) names 'adam'", "no setting"],
        ),
        ({"llc": {"num_seeds": 11}}, ["'modular.llc.num_seeds' (11)", "stages.late' (10)"]),
        ({"measures": {"rise_start": 0.95}}, ["rise_start' (0.95)", "rise_end' (0.9)"]),
    ],
)
def test_mistakes_of_the_modular_study(delta, words):
    message = message_after({"modular": delta})
    for word in words:
        assert word in message


def test_a_missing_setting_or_part_of_the_base_is_named():
    message = message_without("modular.experiments.flow.sgdsmall")
    assert "'modular.experiments.flow' lacks 'sgdsmall'" in message
    message = message_without("modular.base.network.embed_dim")
    assert message.startswith("config: missing key 'modular.base.network.embed_dim'; add it as an")
