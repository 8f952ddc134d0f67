"""Registries agree with modules, layouts, captions and claims; plans follow their configuration."""

from __future__ import annotations

import copy
import inspect
import itertools
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from stagewise.plots.registry import PLACEHOLDER, Figure, Input, plain_name
from stagewise.stores.layout import StoreLayout
from stagewise.stores.tables import TableLayout
from stagewise.workflow.captions import (
    bound_settings,
    caption_settings,
    fill_caption,
    split_caption,
)
from stagewise.workflow.code import code_digests
from stagewise.workflow.config import completed, merge
from stagewise.workflow.figures import REGISTRIES, FigureError, FigurePlan
from stagewise.workflow.plan import Plan

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
PRESETS = {
    name: completed(merge(CONFIG, yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())))
    for name in ("smoke", "laptop", "paper")
    if (ROOT / f"config/{name}.yaml").exists()
}
PLAN = FigurePlan(Plan(PRESETS["smoke"]))
STEMS = {"ranked": "CALIBRATION"}
"""Files whose layout does not have their name."""


def registries(**figures: Figure) -> Mapping[str, Mapping[str, Figure]]:
    return {"regression": figures}


def planned(figure: Figure, name: str = "made_up") -> FigurePlan:
    return FigurePlan(Plan(PRESETS["smoke"]), registries(**{name: figure}))


# Registries and what they name


@pytest.mark.parametrize("figure", list(PLAN), ids=lambda figure: figure.name)
def test_the_drawing_function_takes_what_the_registry_declares(figure):
    parameters = inspect.signature(import_module(f"stagewise.{figure.module}").draw).parameters
    assert {one.kind for one in parameters.values()} <= {inspect.Parameter.KEYWORD_ONLY}
    declared = {*figure.inputs, *figure.values}
    assert len(declared) == len(figure.inputs) + len(figure.values)
    needed = {name for name, one in parameters.items() if one.default is inspect.Parameter.empty}
    assert needed <= declared <= set(parameters)


@pytest.mark.parametrize("figure", list(PLAN), ids=lambda figure: figure.name)
def test_inputs_are_of_the_layout_that_has_their_name(figure):
    for keyword, how in figure.reading.items():
        module, _, name = how["layout"].partition(":")
        layout = getattr(import_module(f"stagewise.{module}"), name)
        for path in map(Path, figure.inputs[keyword]):
            assert isinstance(layout, TableLayout if path.suffix == ".csv" else StoreLayout)
            assert STEMS.get(path.stem, path.stem.upper()) == name
        assert how["groups"] or len(how["keys"]) == len(figure.inputs[keyword])


@pytest.mark.parametrize("figure", list(PLAN), ids=lambda figure: figure.name)
def test_a_figure_is_called_what_its_module_draws(figure):
    """Two entries with the same inputs cannot exchange their modules unseen.

    Where figures share a module, what tells them apart stands beside their names in the registry.
    """
    if figure.module.rpartition(".")[2] in (
        "attention_measure",
        "compared",
        "form_contents",
        "stacked",
    ):
        return
    words = re.sub(r"^[a-z]+\d+[ab]?_", "", figure.module.rpartition(".")[2])
    assert Path(figure.caption).stem.endswith(words)


def test_no_figure_is_drawn_twice():
    for one, other in itertools.combinations(PLAN, 2):
        assert (one.module, one.inputs, one.values) != (other.module, other.inputs, other.values)
    names = [figure.name for figure in PLAN]
    assert len(set(names)) == len(names)


def test_every_caption_belongs_to_a_figure_and_back():
    captions = {path.relative_to(ROOT).as_posix() for path in (ROOT / "report").rglob("*.rst")}
    named = {
        f"report/{study}/{plain_name(name)}.rst"
        for study, registry in REGISTRIES.items()
        for name in registry
    }
    assert captions == named


@pytest.mark.parametrize("preset", PRESETS)
def test_captions_can_be_filled_and_name_no_preset(preset):
    settings = caption_settings(PRESETS[preset])
    for figure in FigurePlan(Plan(PRESETS[preset])):
        text = fill_caption(ROOT / figure.caption, bound_settings(settings, figure.bound))
        title, paragraphs = split_caption(text)
        assert title
        assert paragraphs, figure.name
        assert not re.search(r"\bpreset\b|\b[Cc]laims? [A-Z]\d", text), figure.name


@pytest.mark.parametrize("preset", PRESETS)
def test_every_figure_of_a_claim_is_planned(preset):
    ledger = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    names = {figure.name for figure in FigurePlan(Plan(PRESETS[preset]))}
    assert {entry["figure"] for entry in ledger.values()} <= names


def test_an_edit_of_a_figures_module_reaches_that_figure_alone():
    own = {
        figure.name: f"lib/stagewise/{figure.module.replace('.', '/')}.py"
        for figure in PLAN
        if ".figures." in figure.module
    }
    reached = {
        figure.name: {
            file
            for module in figure.modules
            for file in code_digests(Path("scripts/figure.py"), ROOT, [module])
        }
        for figure in PLAN
    }
    for (name, file), (other, files) in itertools.product(own.items(), reached.items()):
        assert file not in files or own.get(other) == file or name == other, (other, file)
    assert not any(file.endswith("registry.py") for files in reached.values() for file in files)
    assert not any("torch" in file for files in reached.values() for file in files)


# Plans


def test_a_placeholder_in_the_name_stands_for_several_figures():
    entry = REGISTRIES["regression"]["fig23_slopes_{common_setting}"]
    for name in ("published", "local"):
        figure = PLAN.figure("regression", f"fig23_slopes_{name}")
        assert figure.bound == {"common_setting": name}
        assert figure.caption == "report/regression/fig23_slopes.rst"
        assert figure.inputs["llc"] == [f"results/smoke/regression/base-s1/llc/{name}/llc.nc"]
        assert figure.reading["llc"]["keys"] == [[]]
    assert plain_name("fig23_slopes_{common_setting}") == "fig23_slopes"
    assert set(entry.inputs) == set(figure.inputs)


def test_several_runs_and_settings_are_read_as_nested_mappings():
    figure = PLAN.figure("regression", "fig01b_loss_and_llc")
    runs, settings = ("base-s0", "base-s1"), ("published", "local")
    pairs = list(itertools.product(runs, settings))
    assert figure.reading["llcs"]["keys"] == [list(pair) for pair in pairs]
    assert figure.inputs["llcs"] == [
        f"results/smoke/regression/{run}/llc/{name}/llc.nc" for run, name in pairs
    ]
    assert figure.reading["metrics"]["keys"] == [[run] for run in runs]
    assert figure.values == {"run": "base-s1"}


def test_figures_that_compare_know_which_store_is_which():
    losses = PLAN.figure("regression", "fig08_two_losses").inputs
    assert "/local/" in losses["loss_based"][0]
    assert "/likelihood/" in losses["likelihood_based"][0]
    noise = PLAN.figure("regression", "fig39_noise").inputs
    assert "/local/" in noise["shared"][0]
    assert "/fresh/" in noise["fresh"][0]
    depths = PLAN.figure("language", "fig04_heads_and_induction")
    assert depths.reading["runs"]["keys"] == [["twolayers"], ["onelayer"]]
    assert [Path(path).parts[-2] for path in depths.inputs["runs"]] == [
        "twolayers-s0",
        "onelayer-s0",
    ]


def test_settings_of_some_seeds_are_in_the_milestones_of_these_alone():
    keys = PLAN.figure("regression", "milestones").reading["stages"]["keys"]
    assert keys[:2] == [["base-s0, published"], ["base-s0, local"]]
    assert [["base-s0, fresh"] in keys, ["base-s1, fresh"] in keys] == [False, True]


def test_values_follow_the_configuration():
    config = copy.deepcopy(PRESETS["smoke"])
    config["modular"]["shown_seed"] = 7
    config["language"]["training"]["repeated_share"] = 0.25
    del config["regression"]["variants"]["tasks16"]
    plan = FigurePlan(Plan(config))
    assert plan.figure("modular", "g02_mode_losses").values == {"shown_seed": 7}
    remark = plan.figure("language", "fig03_bigrams_and_ngrams").values["remark"]
    assert remark == "Trained with 25 % of rows that repeat a passage"
    behaviour = plan.figure("regression", "fig05_behaviour")
    assert behaviour.values["num_tasks"] is None
    assert behaviour.inputs["finite"] == []


def test_the_order_of_a_registry_means_nothing_to_its_figures():
    turned = {
        study: dict(reversed(registry.items())) for study, registry in reversed(REGISTRIES.items())
    }
    other = FigurePlan(Plan(PRESETS["smoke"]), turned)
    assert sorted(other.files("png")) == sorted(PLAN.files("png"))
    for figure in PLAN:
        assert other.figure(figure.study, figure.name) == figure


def test_faults_of_registries_are_named():
    store = Input("regression/{shown_run}/ed.nc", "development.layout:ED")
    with pytest.raises(FigureError, match=r"no figure 'fig5_behaviour'; did you mean 'fig05_behav"):
        PLAN.figure("regression", "fig5_behaviour")
    with pytest.raises(FigureError, match=r"'made_up' names \{other_run\}"):
        planned(Figure({"ed": Input("regression/{other_run}/ed.nc", store.layout)}))
    with pytest.raises(FigureError, match=r"'made_up' asks for the setting 'regression.nothing'"):
        planned(Figure({"ed": store}, {"value": "regression.nothing"}))
    (figure,) = planned(Figure({"ed": store}, {"seed": "root_seed"}, {"word": "loss"}))
    assert figure.values == {"seed": PRESETS["smoke"]["root_seed"], "word": "loss"}
    assert figure.module == "studies.regression.figures.made_up"
    assert not PLACEHOLDER.search("".join(PLAN.files("pdf")))
