"""S-curve figures draw what they record, with labelled axes, also when runs diverged."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.scurves.configuration import REQUIRED
from stagewise.studies.scurves.contrasts import contrast_table
from stagewise.studies.scurves.experiment import run_setting
from stagewise.studies.scurves.figures.registry import FIGURES
from stagewise.studies.scurves.figures.s05_full_rank_tail import chance_cosine
from stagewise.studies.scurves.layout import MEASURED, MEASURES
from stagewise.studies.scurves.measures import measure_setting
from stagewise.studies.scurves.overlay import flow_of_setting
from stagewise.studies.scurves.settings import Setting
from stagewise.studies.scurves.thresholds import MeasureSettings

RECORDS = {"num_linear": 12, "num_logarithmic": 12}
STUDY: dict[str, Any] = {
    "records": RECORDS,
    "adam": {"betas": [0.9, 0.999], "epsilon": 1e-8},
    "divergence_factor": 100.0,
    "seeds_per_batch": 10,
}
MEASURE_SETTINGS = MeasureSettings(0.5, 1.2, 1e-6, 0.05, 0.01)
BASE = Setting(
    name="",
    task="product",
    dimension=12,
    rank=1,
    num_components=2,
    optimiser="sgd",
    learning_rates=(0.05,),
    weight_decays=(0.0,),
    logit_scale=None,
    num_steps=120,
    num_seeds=3,
    precision="double",
)
CHANGES: dict[str, dict[str, Any]] = {
    "scalar": {"dimension": 1, "num_components": 1, "learning_rates": (0.05, 0.2)},
    "vector": {"num_components": 1, "learning_rates": (0.05, 0.2)},
    "rank1": {"learning_rates": (0.05, 0.2)},
    "rank2": {"rank": 2},
    "rank4": {"rank": 4},
    "rank10": {"rank": 10},
    "full": {"rank": 12},
    "adamfull": {"rank": 12, "optimiser": "adam"},
    "fulltail": {"rank": 12},
    "product3": {"num_components": 3, "learning_rates": (0.2,)},
    "product4": {"num_components": 4, "learning_rates": (0.2,)},
    "product5": {"num_components": 5, "learning_rates": (0.2,)},
    "attention2": {"task": "attention", "rank": 2, "num_components": 4},
    "adam2": {"rank": 2, "optimiser": "adam"},
    "adam10": {"rank": 10, "optimiser": "adam"},
    "decay1": {"weight_decays": (0.0, 0.05)},
    "slow1": {},
    "adamw1": {"optimiser": "adamw", "weight_decays": (0.01,)},
    "noself1": {"task": "no_self_term"},
    "entropy2": {"task": "cross_entropy", "rank": 2, "logit_scale": 12.0},
    "entropy10": {"task": "cross_entropy", "rank": 10, "logit_scale": 12.0},
    "entropyfull": {"task": "cross_entropy", "rank": 12, "logit_scale": 12.0},
}
SETTINGS = {name: replace(BASE, name=name, **change) for name, change in CHANGES.items()}


@cache
def curves() -> dict[str, xr.Dataset]:
    return {name: run_setting(setting, STUDY, 0) for name, setting in SETTINGS.items()}


def measured(data: dict[str, xr.Dataset]) -> pd.DataFrame:
    table = pd.concat(
        [measure_setting(d, MEASURE_SETTINGS, flows().get(n)) for n, d in data.items()]
    )
    identity = [name for name in table.columns if name not in MEASURED]
    return MEASURES.check(table.reindex(columns=[*identity, *MEASURED]))


@cache
def flows() -> dict[str, xr.Dataset]:
    return {name: flow_of_setting(SETTINGS[name], RECORDS, 0) for name in ("rank1", "rank2")}


def with_diverged() -> dict[str, xr.Dataset]:
    """Return the curves with the first seed of each setting diverged."""
    changed = {}
    for name, dataset in curves().items():
        copy = dataset.copy(deep=True)
        copy["diverged"][:, 1] = True
        copy["loss"][:, 1, 5:] = np.inf
        copy["norm"][:, 1, 5:] = np.nan
        changed[name] = copy
    return changed


def drawn_from(name: str, data: dict[str, xr.Dataset]) -> Drawn:
    """Draw a figure from what its registry asks for, out of everything that there is."""
    known = {
        "curves": data,
        "flow": flows(),
        "measures": measured(data),
        "contrasts": contrast_table(measured(data), 0.05),
        "shown_seed": 0,
        "bump_prominence": 0.05,
    }
    asked = (*FIGURES[name].inputs, *FIGURES[name].settings)
    module = import_module(f"stagewise.{FIGURES[name].module or f'studies.scurves.figures.{name}'}")
    given = {keyword: known[keyword] for keyword in asked}
    return module.draw(**given, **FIGURES[name].constants)


@cache
def figure(name: str) -> Drawn:
    return drawn_from(name, curves())


def test_the_settings_here_are_those_that_figures_need():
    assert set(SETTINGS) == {name for names in REQUIRED.values() for name in names}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_labelled_axes_and_record_their_lines(name: str):
    drawn = figure(name)
    if name not in (
        "s05_full_rank_tail",
        "s12_bumps",
    ):  # working out the arrangement takes long; two kinds are enough
        drawn.figure.set_layout_engine("none")
    drawn.figure.draw_without_rendering()
    width, _ = drawn.figure.get_size_inches()
    assert width == style.FULL_WIDTH
    for ax in drawn.figure.axes:
        grid = ax.get_subplotspec()
        assert ax.get_xlabel() or not grid.is_last_row()
        assert ax.get_ylabel()
        assert ax.get_title(loc="left")
    rows = dict(list(drawn.data.groupby(["panel", "series"])))
    lines = [line for ax in drawn.figure.axes for line in ax.lines if line.get_gid()]
    for line in lines:
        part = rows[tuple(line.get_gid().split("/", 1))]
        np.testing.assert_array_equal(line.get_xdata(), part["x"])
        np.testing.assert_array_equal(line.get_ydata(), part["y"])
    assert len(drawn.data)


@pytest.mark.parametrize(
    "name",
    [
        "s02_rank_one",
        "s03_ranks_two_and_four",
        "s07_adam",
        "s10_cross_entropy",
        "s12_bumps",
        "s13_self_term",
    ],
)
def test_diverged_runs_are_counted_and_not_drawn(name: str):
    drawn = drawn_from(name, with_diverged())
    notes = [text.get_text() for ax in drawn.figure.axes for text in ax.texts]
    if name not in ("s12_bumps", "s13_self_term"):
        assert any("1 diverged, left out" in text for text in notes)
    assert (
        not drawn.data["series"].str.contains("seed 1$").any() or name == "s03_ranks_two_and_four"
    )
    assert np.isfinite(drawn.data["y"].dropna()).all()


def test_medians_are_over_all_seeds_and_bands_are_percentiles():
    data = figure("s08_weight_decay").data
    panel = data[data["panel"] == "a, loss"]
    label = panel["series"].iloc[0].split(",")[0]
    middle = panel[panel["series"] == f"{label}, median of 3 seeds"]
    loss = curves()["decay1"]["loss"][0].to_numpy()
    np.testing.assert_allclose(middle["y"], np.median(loss, axis=0))
    np.testing.assert_allclose(middle["high"], np.quantile(loss, 0.84, axis=0))


def test_chance_cosine_agrees_with_random_vectors():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((4000, 6, 20))
    unit = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    best = np.abs(np.einsum("nd,nkd->nk", unit[:, 0], unit[:, 1:])).max(-1)
    assert chance_cosine(5, 20) == pytest.approx(np.median(best), abs=0.01)
    assert chance_cosine(1, 1) == 1.0


def test_style_leaves_global_settings_alone():
    before = dict(mpl.rcParams)
    figure("s11_plateau_lengths")
    assert dict(mpl.rcParams) == before
