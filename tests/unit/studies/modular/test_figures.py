"""Figures of the modular-addition study draw the right numbers, and survive runs that learn nothing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from stagewise.llc.along import gathered, llc_shard
from stagewise.llc.layout import LLC
from stagewise.llc.settings import SGLDConfig
from stagewise.plots.drawn import Drawn
from stagewise.studies.modular import gradients, modes
from stagewise.studies.modular.censoring import Times, median_time
from stagewise.studies.modular.figures.g01_single_runs import median_delay, soonest_rise
from stagewise.studies.modular.figures.g02_mode_losses import (
    FACTOR,
    shares_below,
)
from stagewise.studies.modular.figures.g03_phase_diagrams import cells_of
from stagewise.studies.modular.figures.registry import FIGURES
from stagewise.studies.modular.layout import RUNS
from stagewise.studies.modular.measures import measure_setting
from stagewise.studies.modular.mode_growth import growth_table
from stagewise.studies.modular.program import Setting, study_key
from stagewise.studies.modular.scaling import comparison_table, law_table
from stagewise.studies.modular.subject import network
from stagewise.studies.modular.thresholds import MeasureSettings
from stagewise.studies.modular.training import train
from stagewise.workflow.config import completed, merge
from tests.layouts import assert_keeps

ROOT = Path(__file__).parents[4]
PRESET = ("config", "smoke")
KEY = study_key(3)


def llc_of(setting, checkpoints, sampler):
    """Return the judged LLC of a setting's first seed at all its checkpoints."""
    subject = network(setting, 0, KEY, lambda step: checkpoints.at(step, 0))
    rest = {key: value for key, value in sampler.items() if key not in ("noise", "seeds")}
    return gathered([llc_shard(subject, subject.steps, SGLDConfig(**rest))], subject.steps)


@pytest.fixture(scope="module")
def study() -> Mapping[str, object]:
    """Return the smoke preset's runs, curves and what is followed, made here without files."""
    parts = [yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in PRESET]
    config = completed(merge(*parts))["modular"]
    constants = MeasureSettings(**config["measures"])
    tables, curves, kept = [], {}, {}
    for experiment, entries in config["experiments"].items():
        for name, entry in entries.items():
            setting = Setting.of(name, entry)
            steps = setting.record_steps.tolist(), setting.checkpoint_steps.tolist()
            trained = train(setting.program, setting.replicas, KEY, *steps)
            curves[name] = trained.records
            kept[name] = (setting, trained.checkpoints)
            table = measure_setting(setting, trained.records, trained.checkpoints, constants, KEY)
            tables.append(table.assign(experiment=experiment))
    runs = RUNS.check(pd.concat(tables, ignore_index=True))
    along = {
        module: {
            name: module.along(*kept[name], KEY, range(seeds), 1.5)
            for name in config[key]["settings"]
        }
        for module, key, seeds in ((modes, "modes", 2), (gradients, "gradients", 1))
    }
    llc = {
        f"{n}-s0": llc_of(*kept[n], config["llc"]["settings"]["local"])
        for n in config["llc"]["variants"]
    }
    for module, stores in along.items():
        for dataset in stores.values():
            assert_keeps(dataset, module.LAYOUT)
    for dataset in llc.values():
        LLC.check(dataset)
    return {
        "runs": runs, "curves": curves, "modes": along[modes], "gradients": along[gradients], "llc": llc,
        "slingshots": config["slingshots"], "laws": law_table(runs),
        "comparison": comparison_table(runs, 0.05, 20),
        "growth": growth_table(along[modes], 0.5), "learned": 0.99, "early_fall": 0.5, "shown_seed": 0,
    }  # fmt: skip


def drawn_from(name: str, study: Mapping[str, object]) -> Drawn:
    """Draw a figure from what its registry asks for, out of everything that there is."""
    asked = (*FIGURES[name].inputs, *FIGURES[name].settings)
    module = import_module(f"stagewise.studies.modular.figures.{name}")
    return module.draw(**{keyword: study[keyword] for keyword in asked})


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_survives_runs_that_learn_nothing(study, name):
    drawn = drawn_from(name, study)
    drawn.figure.draw_without_rendering()
    assert len(drawn.data)
    assert {"panel", "series", "x", "y"} <= set(drawn.data)


def test_figures_survive_a_setting_all_of_whose_runs_diverged(study):
    runs, curves = study["runs"].copy(), dict(study["curves"])
    lost = runs["setting"].isin(["early", "free", "small1", "adamlarge", "entropy1", "adam"])
    runs.loc[lost, "diverged"] = True
    for name in ("early", "adamlarge", "entropy1"):
        data = curves[name].copy(deep=True)
        data["diverged_step"][:] = 3
        curves[name] = data
    for name in (
        "g01_single_runs",
        "g03_phase_diagrams",
        "g04_without_decay",
        "g05_time_against_share",
        "g07_early_training",
        "g10_equal_flow",
    ):
        changed = drawn_from(name, {**study, "runs": runs, "curves": curves})
        changed.figure.draw_without_rendering()
    cells = cells_of(runs[runs["setting"] == "adam"])
    assert all(cell.counts["diverged"] == cell.total and cell.steps is None for cell in cells)


def table(**columns: object) -> pd.DataFrame:
    count = max(len(value) for value in columns.values() if isinstance(value, list))
    rows = {"diverged": False, "num_steps": 1000, "learning_rate": 0.1, "weight_decay": 0.0}
    return pd.DataFrame({**rows, **columns}, index=range(count))


def test_cells_count_outcomes_and_take_censored_medians():
    runs = table(
        outcome=["generalise", "generalise", "memorise", "fail"],
        generalised_step=[100.0, 300.0, np.nan, np.nan],
        diverged=[False, False, False, True],
    )
    (cell,) = cells_of(runs)
    assert cell.counts == {"generalise": 2, "memorise": 1, "fail": 0, "diverged": 1}
    assert cell.steps == median_time(Times.to_generalise(runs[:3]))
    assert cell.steps.value == 300.0
    assert not cell.steps.is_bound
    assert cell.flow().value == pytest.approx(30.0)


def test_medians_of_censored_times():
    values = np.array([10.0, 20.0, 30.0, 40.0])
    none = np.zeros(4, dtype=bool)
    assert median_time(Times(values, none)).value == np.median(values)
    late = np.array([False, False, True, True])
    assert median_time(Times(values, late)).is_bound
    assert median_time(Times(values, np.array([True, False, False, False]))).value == 30.0
    with pytest.raises(ValueError, match="at least one run"):
        median_time(Times(values[:0], none[:0]))


def test_shown_runs_are_chosen_by_their_rule():
    runs = table(lag=[0.5, -0.2, np.nan], least_delay=[3.0, 1.0, 2.0])
    assert soonest_rise(runs) == 1
    assert median_delay(runs) == 2
    nothing = runs.assign(lag=np.nan, least_delay=np.nan)
    assert soonest_rise(nothing) == median_delay(nothing) == 0


def test_the_line_on_g2_is_the_bound_of_the_claim():
    ledger = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
    assert ledger["G8"]["thresholds"]["factor"] == FACTOR


def test_distributions():
    x, y = shares_below([0.5, 3.0, 1.0, np.inf], 2.0)
    assert x.tolist() == [0.0, 0.5, 1.0, 2.0]
    assert y.tolist() == [0.0, 0.25, 0.5, 0.5]
