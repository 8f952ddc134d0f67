"""Figures of losses, LLCs and essential dynamics of language models show what the stores say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.development.llc_curve import fit_llc_curve
from stagewise.development.settings import StageSettings
from stagewise.plots import forms_in_time, planes, slopes
from stagewise.plots.drawn import Drawn
from stagewise.studies.language.figures import fig01a_loss_and_llc
from stagewise.studies.language.figures.fig01a_loss_and_llc import loss_rise
from stagewise.studies.language.landmarks import landmark_table, loss_bump

UNIT = "nats per token"
SETTINGS = ("published", "local")
FIGURES = ("01a", "02a", "06a", "12", "21")
STEPS = np.array([0, 1, 4, 10, 30, 100, 200, 400, 800, 1600])
LEAST = {"twolayers-s0": 4, "onelayer-s0": 6}  # places of the least bigram scores
EDGE = 100.0


def metrics_of(run: str, steps: np.ndarray = STEPS) -> xr.Dataset:
    count = len(steps)
    loss = np.linspace(7, 4, count)
    if run == "twolayers-s0" and count > 8:
        loss[7:9] = loss[6] + 0.5, loss[6] + 0.1
    data = {
        "test_loss": ("step", loss),
        "test_loss_stderr": ("step", np.full(count, 0.03)),
        "weight_norm": ("step", np.linspace(70, 90, count)),
        "bigram_score": ("step", 4.0 + np.abs(np.arange(count) - LEAST[run])),
        "bigram_score_stderr": ("step", np.full(count, 0.01)),
        "ngram_score": (("step", "ngram"), np.ones((count, 1))),
        "ngram_score_stderr": (("step", "ngram"), np.full((count, 1), 0.01)),
    }
    return xr.Dataset(data, {"step": steps, "ngram": [2]}, {"run": run})


def llc_of(run: str, setting: str, steps: np.ndarray = STEPS) -> xr.Dataset:
    level = {"published": 10.0, "local": 40.0}[setting] * (1 + (run == "twolayers-s0"))
    verdict = ["escaped", *["ok"] * (len(steps) - 1)]
    data = {
        "llc_mean": ("step", level * np.log1p(np.arange(len(steps)))),
        "llc_stderr": ("step", np.full(len(steps), 0.5)),
        "verdict": ("step", np.array(verdict)),
        "constant_loss": ((), 5.9),
    }
    return xr.Dataset(data, {"step": steps}, {"run": run, "setting": setting})


def table_of(run: str, setting: str, edges: tuple[float, ...], last: int) -> pd.DataFrame:
    starts, ends = [0.0, *edges], [*edges, float(last)]
    return pd.DataFrame(
        {
            "run": run,
            "setting": setting,
            "stage": np.arange(1, len(ends) + 1),
            "start": starts,
            "end": ends,
            "type": ["A", "B"][: len(ends)],
        }
    )


def milestones_of(run: str, setting: str, edges: tuple[float, ...]) -> pd.DataFrame:
    at = np.array(edges, dtype=float)
    return pd.DataFrame(
        {
            "run": pd.Series([run] * at.size, dtype=str),
            "setting": pd.Series([setting] * at.size, dtype=str),
            "step": at,
            "kind": pd.Series(["plateau"] * at.size, dtype=str),
            "llc": 50.0,
            "interval_low": at * 0.8,
            "interval_high": at * 1.3,
        }
    )


def of_settings(make: Callable[..., Any], run: str, *rest: Any) -> dict[str, Any]:
    return {setting: make(run, setting, *rest) for setting in SETTINGS}


def curve_of(llc: xr.Dataset) -> xr.Dataset:
    steps = llc["step"].to_numpy()
    values, errors = llc["llc_mean"].to_numpy(), llc["llc_stderr"].to_numpy()
    curve = fit_llc_curve(steps, values, errors, StageSettings(num_draws=2), seed=0)
    return curve.assign_attrs(run=llc.attrs["run"], setting=llc.attrs["setting"])


def trajectory_of(steps: np.ndarray = STEPS) -> tuple[xr.Dataset, xr.Dataset]:
    """Scores of the two-layer run and its forms: none, as in a short training."""
    times = np.linspace(0, 1, 30)
    scores = np.stack([np.cos(np.pi * times * k) for k in (1, 2, 3)], axis=1)
    coords = {"step": np.linspace(0, steps[-1], 30), "pc": [1, 2, 3]}
    shares = ("pc", [0.5, 0.2, 0.1])
    ed = xr.Dataset(
        {"scores": (("step", "pc"), scores), "explained_variance_ratio": shares}, coords
    )
    names = ("form_step", "influence_start", "influence_end", "p_value")
    forms = xr.Dataset(
        {
            "smoothed": (("step", "pc"), scores),
            "centre": (("form", "pc"), np.empty((0, 3))),
            "potential": (("form", "step"), np.empty((0, 30))),
            **{name: ("form", np.empty(0)) for name in names},
            "event_step": ("event", coords["step"][[3, 9]]),
            "event_pair": ("event", ["1-2", "2-3"]),
            "event_kind": ("event", ["cusp", "vertex"]),
            "null_extent": ("walk", np.array([0.0, 0.4])),
        },
        {**coords, "form": np.empty(0, dtype=int), "pair": ["1-2", "1-3", "2-3"]},
    )
    forms = forms.assign_attrs(run="twolayers-s0", cluster_width=0.2)
    return ed.assign_attrs(run="twolayers-s0"), forms


def draw_all(steps: np.ndarray = STEPS, edges: tuple[float, ...] = (EDGE,)) -> dict[str, Drawn]:
    """Draw the figures of a two-layer run, and that of a one-layer run beside it."""
    two, one, last = "twolayers-s0", "onelayer-s0", int(steps[-1])
    llcs = {run: of_settings(llc_of, run, steps) for run in (two, one)}
    stages = {run: of_settings(table_of, run, edges, last) for run in (two, one)}
    ed, forms = trajectory_of(steps)
    trajectory = {"ed": ed, "forms": forms, "stages": stages[two]["published"]}
    own = {
        run: {
            "metrics": metrics_of(run, steps),
            "llcs": llcs[run],
            "stages": stages[run],
            "landmarks": landmark_table(metrics_of(run, steps)),
        }
        for run in (two, one)
    }
    return {
        "01a": fig01a_loss_and_llc.draw(**own[two], loss_unit=UNIT),
        "02a": planes.draw(**trajectory),
        "06a": forms_in_time.draw(**trajectory),
        "12": slopes.draw(
            metrics=metrics_of(two, steps),
            llc=llcs[two]["published"],
            curve=curve_of(llcs[two]["published"]),
            milestones=milestones_of(two, "published", edges),
            stages=stages[two]["published"],
            tolerance=0.1,
            loss_unit=UNIT,
        ),
        "21": fig01a_loss_and_llc.draw(
            **own[one],
            loss_unit=UNIT,
            beside_metrics=metrics_of(two, steps),
            beside_llcs=llcs[two],
        ),
    }


@cache
def drawn() -> dict[str, Drawn]:
    return draw_all()


def series(figure: str, panel: str, name: str) -> pd.DataFrame:
    data = drawn()[figure].data
    return data[(data["panel"] == panel) & (data["series"] == name)]


def texts(figure: str) -> str:
    shown = drawn()[figure].figure
    return "\n".join(text.get_text() for ax in shown.axes for text in ax.texts)


@pytest.mark.parametrize("figure", FIGURES)
def test_lines_are_what_the_table_says(figure):
    groups = dict(list(drawn()[figure].data.groupby(["panel", "series"])))
    lines = [line for ax in drawn()[figure].figure.axes for line in ax.lines if line.get_gid()]
    assert lines or figure == "02a"  # planes draw collections
    for line in lines:
        part = groups[tuple(line.get_gid().split("/"))]
        np.testing.assert_array_equal(line.get_xdata(), part["x"])
        np.testing.assert_array_equal(line.get_ydata(), part["y"])


@pytest.mark.parametrize(("figure", "run"), [("01a", "twolayers-s0"), ("21", "onelayer-s0")])
@pytest.mark.parametrize("setting", SETTINGS)
def test_figures_of_a_run_show_its_own_estimates_and_bigram_step(figure, run, setting):
    name = f"setting {setting!r}"
    shown = series(figure, f"LLC, {name}", f"{run} estimates")
    np.testing.assert_array_equal(shown["y"], llc_of(run, setting)["llc_mean"])
    np.testing.assert_array_equal(shown["high"] - shown["y"], 0.5)
    assert shown["verdict"].tolist()[:2] == ["escaped", "ok"]
    np.testing.assert_array_equal(
        series(figure, f"loss, {name}", run)["y"], metrics_of(run)["test_loss"]
    )
    (mark,) = series(figure, f"loss, {name}", "bigram score least")["x"]
    assert mark == STEPS[LEAST[run]]


@pytest.mark.parametrize("setting", SETTINGS)
def test_one_layer_is_compared_with_two(setting):
    other = series("21", f"LLC, setting {setting!r}", "twolayers-s0")
    np.testing.assert_array_equal(other["y"], llc_of("twolayers-s0", setting)["llc_mean"])
    loss = series("21", f"loss, setting {setting!r}", "twolayers-s0")
    np.testing.assert_array_equal(loss["y"], metrics_of("twolayers-s0")["test_loss"])
    assert "onelayer-s0" not in set(drawn()["01a"].data["series"])


def test_bump_of_the_loss_is_said_with_its_error():
    # Falls by 1/3 a checkpoint; the rise by 0.5 is from the seventh to the eighth.
    assert "0.500 ± 0.042, top at step 400" in texts("01a")
    assert loss_rise(loss_bump(metrics_of("onelayer-s0"))) == "the loss never rises"
    assert "the loss never rises" in texts("21")


def test_lines_begin_at_the_first_step_that_the_axis_can_show():
    """Step 0 has no place on a logarithmic axis: no flat line may stand for it."""
    for ax in drawn()["01a"].figure.axes:
        (line,) = (line for line in ax.lines if (line.get_gid() or "").endswith("/twolayers-s0"))
        assert line.get_xdata()[0] == 0
        points = line.get_transform().transform(line.get_xydata())
        assert not np.isfinite(points[0]).all()
        assert np.isfinite(points[1:]).all()


def test_slopes_are_those_of_the_published_setting():
    estimates = series("12", "llc", "estimates")
    np.testing.assert_array_equal(estimates["y"], llc_of("twolayers-s0", "published")["llc_mean"])
    assert series("12", "milestones", "1, plateau")["x"].tolist() == [EDGE]
    labels = [ax.get_ylabel() for ax in drawn()["12"].figure.axes]
    assert any(UNIT in label for label in labels)


@pytest.mark.parametrize("figure", ["02a", "06a"])
def test_essential_dynamics_say_that_no_form_is_found(figure):
    title = drawn()[figure].figure.get_suptitle()
    assert "no form found" in title + texts(figure)
    assert "stages by 'published'" in title


def test_a_training_of_a_few_steps_draws():
    """The smoke preset: no milestones, one stage, no forms."""
    steps = np.array([0, 1, 2, 5, 10, 20])
    for figure in draw_all(steps, edges=()).values():
        figure.figure.set_layout_engine("none")
        figure.figure.draw_without_rendering()
        assert len(figure.data)
