from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes

from stagewise.llc.estimate_layout import VERDICTS_OF_ESTIMATES
from stagewise.llc.scale_layout import HESSIAN
from stagewise.plots import (
    forms_in_time,
    loss_and_llc,
    planes,
    slopes,
    style,
    traces,
    verdict_marks,
)
from stagewise.plots.drawn import Drawn, Ledger
from stagewise.plots.traces import chosen_steps
from stagewise.stores.seals import beside
from stagewise.studies.regression.figures import (
    fig05_behaviour,
    fig25_curvature,
    fig27_icl_scores,
    fig28_scaled_data,
    milestones,
)
from stagewise.studies.regression.figures.milestones import OVER_SEEDS, PUBLISHED, milestone_table

LAST = 2000
STEPS = np.unique(np.r_[0, np.geomspace(1, LAST, 20).round(), LAST / 2]).astype(int)
NEWS = {"num_steps": 500_000, "milestones": [1000, 40_000, 126_000, 320_000], "types": "AABBA"}
SMALL = {"noise_variance": 0.125, "dimension": 4, "num_tasks": 16}


def metrics_of(run: str = "base-s1", steps: np.ndarray = STEPS) -> xr.Dataset:
    rng = np.random.default_rng(sum(map(ord, run)))
    progress = np.log1p(steps) / np.log1p(LAST)
    wiggle = 0.05 * rng.standard_normal(steps.size)
    positions, scales = np.arange(1, 9), [1.0, 3.0]
    data = {
        "test_loss": ("step", 4.4 - 2.6 * progress + wiggle),
        "weight_norm": ("step", 25 + 40 * progress),
        "mean_squared_prediction": ("step", 0.1 + progress**2),
        "distance_to_mean_task": ("step", 0.3 + progress**2),
        "icl_locate": ("step", -2 * progress + wiggle),
        "icl_refine": ("step", -progress),
        "icl_total": ("step", -3 * progress),
        "token_squared_prediction": (
            ("step", "position"),
            0.1 + np.outer(progress, positions),
        ),
        "icl_scaled": (("step", "input_scale"), -np.outer(progress, scales)),
        "icl_scaled_tasks": (("step", "task_scale"), -np.outer(progress, scales)),
        "token_loss": (("step", "position"), 4.125 - 0.4 * np.outer(progress, positions - 1)),
    }
    for kind, scale in (("", "input_scale"), ("_tasks", "task_scale")):
        square = 4 * np.square(scales) + 0.125
        data[f"loss_scaled{kind}"] = (("step", scale), np.outer(1 - progress / 2, square))
        data[f"squared_prediction_scaled{kind}"] = (("step", scale), np.outer(progress, square))
    for name in [*data]:
        if name != "weight_norm":
            data[f"{name}_stderr"] = (data[name][0], np.full_like(data[name][1], 0.02))
    data["ridge_token_loss"] = ("position", 4.125 - 0.5 * (positions - 1))
    coords = {"step": steps, "position": positions, "input_scale": scales, "task_scale": scales}
    return xr.Dataset(data, coords=coords, attrs={"run": run})


def llc_of(run: str = "base-s1", setting: str = "published", chains: int = 3) -> xr.Dataset:
    rng = np.random.default_rng(3)
    steps, burnin, draws = STEPS[::2], 6, 10
    level = 100 * np.sin(np.pi * np.log1p(steps) / np.log1p(LAST)) ** 2
    baseline = 2 + 0.1 * rng.standard_normal((steps.size, chains, draws))
    loss = baseline + level[:, None, None] / 60 + 0.1 * rng.random(baseline.shape)
    each = 60 * (loss - baseline).mean(-1)
    return xr.Dataset(
        {
            "loss": (("step", "chain", "draw"), loss),
            "baseline_loss": (("step", "chain", "draw"), baseline),
            "burnin_loss": (("step", "chain", "burnin"), loss[..., :burnin]),
            "init_loss": ("step", np.full(steps.size, 2.0)),
            "llc_mean": ("step", each.mean(1)),
            "llc_stderr": (
                "step",
                each.std(1, ddof=1) if chains > 1 else np.full(steps.size, np.nan),
            ),
            "rhat": ("step", np.full(steps.size, 1.01)),
            "ess": ("step", np.full(steps.size, 20.0)),
            "diverged": (("step", "chain"), np.zeros((steps.size, chains), dtype=bool)),
            "forgotten_share": ("step", np.linspace(1, 0, steps.size)),
            "saturated": ("step", np.arange(steps.size) < 3),
            "verdict": (
                "step",
                ["saturated"] * 3 + ["drifting", "escaped"] + ["ok"] * (steps.size - 5),
            ),
            "untrained_loss": 4.4,
            "constant_loss": 4.125,
        },
        coords={"step": steps},
        attrs={"run": run, "setting": setting, "n_beta": 60.0},
    )


def curve_of(llc: xr.Dataset) -> xr.Dataset:
    grid = np.linspace(0, np.log1p(LAST), 40)
    mean = np.interp(grid, np.log1p(llc["step"]), np.nan_to_num(llc["llc_mean"]))
    data = {"mean": mean, "slope": np.gradient(mean, grid)}
    data |= {"sd": np.full(40, 3.0), "slope_sd": np.full(40, 5.0)}
    return xr.Dataset(
        {name: ("grid", values) for name, values in data.items()},
        coords={"grid": grid, "step": ("grid", np.expm1(grid))},
        attrs={name: llc.attrs[name] for name in ("run", "setting")},
    )


def stages_of(
    run: str = "base-s1", setting: str = "published", edges: tuple[float, ...] = (40, 300, 900)
) -> pd.DataFrame:
    ends = [*edges, LAST]
    return pd.DataFrame(
        {
            "run": run,
            "setting": setting,
            "stage": np.arange(1, len(ends) + 1),
            "start": [0.0, *edges],
            "end": np.array(ends, dtype=float),
            "type": list("AABBA"[: len(ends)]),
            "sound": True,
            "num_sound": 30,
            "num_estimates": 33,
        }
    )


def milestones_of(
    run: str = "base-s1", setting: str = "published", edges: tuple[float, ...] = (40, 300, 900)
) -> pd.DataFrame:
    at = np.array(edges, dtype=float)
    return pd.DataFrame(
        {
            "run": pd.Series([run] * at.size, dtype=str),
            "setting": pd.Series([setting] * at.size, dtype=str),
            "step": at,
            "log_step": np.log1p(at),
            "kind": ["near-plateau", "plateau", "plateau"][: at.size],
            "llc": 50.0,
            "interval_low": at * 0.8,
            "interval_high": at * 1.3,
            "probability": [0.4, 0.7, 1.0][: at.size],
        }
    )


def trajectory_of(run: str = "base-s1", num_forms: int = 2) -> tuple[xr.Dataset, xr.Dataset]:
    steps = np.linspace(0, LAST, 80).astype(int)
    t = np.linspace(0, 1, 80)
    smoothed = np.stack([np.cos(np.pi * t), np.cos(2 * np.pi * t), np.cos(3 * np.pi * t)], axis=1)
    coords = {"step": steps, "pc": [1, 2, 3]}
    ed = xr.Dataset(
        {
            "scores": (("step", "pc"), smoothed + 0.01),
            "explained_variance_ratio": ("pc", [0.5, 0.2, 0.1]),
        },
        coords=coords,
        attrs={"run": run},
    )
    at = np.array([20, 60])[:num_forms]
    centres = smoothed[at] + 0.1
    forms = xr.Dataset(
        {
            "smoothed": (("step", "pc"), smoothed),
            "form_step": ("form", steps[at]),
            "centre": (("form", "pc"), centres),
            "influence_start": ("form", steps[at - 5]),
            "influence_end": ("form", steps[at + 5]),
            "p_value": ("form", np.full(at.size, 0.05)),
            "potential": (
                ("form", "step"),
                ((smoothed[None] - centres[:, None]) ** 2).sum(-1).reshape(at.size, 80),
            ),
            "event_step": ("event", steps[[20, 21, 40, 60]]),
            "event_pair": ("event", ["1-2", "1-3", "2-3", "2-3"]),
            "event_kind": ("event", ["cusp", "vertex", "vertex", "cusp"]),
            "null_extent": ("walk", np.array([0.0, 0.0, 0.3, 0.8])),
        },
        coords={
            **coords,
            "form": np.arange(1, at.size + 1),
            "pair": ["1-2", "1-3", "2-3"],
        },
        attrs={"run": run, "cluster_width": 0.2},
    )
    return ed, forms


def draw_01b(**change: object) -> Drawn:
    given = {"runs": ["base-s0", "base-s1", "base-s2"], "edges": (40, 300, 900)} | change
    names = ("published", "local")
    return loss_and_llc.draw(
        metrics={run: metrics_of(run) for run in given["runs"]},
        llcs={run: {name: llc_of(run, name) for name in names} for run in given["runs"]},
        stages={name: stages_of(setting=name, edges=given["edges"]) for name in names},
        run="base-s1",
    )


def draw_05(runs: tuple[str, ...] = ("tasks16-s0", "tasks16-s1"), **change: object) -> Drawn:
    return fig05_behaviour.draw(
        metrics=metrics_of(),
        finite={run: metrics_of(run) for run in runs},
        stages=stages_of(**change),
        **SMALL,
    )


def draw_27(runs: tuple[str, ...] = ("base-s0", "base-s1"), **change: object) -> Drawn:
    return fig27_icl_scores.draw(
        metrics={run: metrics_of(run) for run in runs},
        stages=stages_of(**change),
        run="base-s1",
        dimension=4,
    )


def draw_28(runs: tuple[str, ...] = ("base-s0", "base-s1"), **change: object) -> Drawn:
    return fig28_scaled_data.draw(
        metrics={run: metrics_of(run) for run in runs},
        stages=stages_of(**change),
        run="base-s1",
        noise_variance=0.125,
        dimension=4,
    )


def draw_23(llc: xr.Dataset | None = None, edges: tuple[float, ...] = (40, 300, 900)) -> Drawn:
    llc = llc_of() if llc is None else llc
    return slopes.draw(
        metrics=metrics_of(),
        llc=llc,
        curve=curve_of(llc),
        milestones=milestones_of(edges=edges),
        stages=stages_of(edges=edges),
        tolerance=0.1,
    )


def draw_milestones(edges: tuple[float, ...] = (40, 300, 900)) -> Drawn:
    cases = [("base-s0", "published"), ("base-s1", "published"), ("base-s1", "local")]
    return milestones.draw(
        milestones={", ".join(case): milestones_of(*case, edges) for case in cases},
        stages={", ".join(case): stages_of(*case, edges) for case in cases},
        published=NEWS,
    )


def draw_02b(num_forms: int = 2, **change: object) -> Drawn:
    ed, forms = trajectory_of(num_forms=num_forms)
    return planes.draw(ed=ed, forms=forms, stages=stages_of(**change))


def draw_06b(num_forms: int = 2, **change: object) -> Drawn:
    ed, forms = trajectory_of(num_forms=num_forms)
    return forms_in_time.draw(ed=ed, forms=forms, stages=stages_of(**change))


def with_nan(llc: xr.Dataset) -> xr.Dataset:
    llc = llc.copy(deep=True)
    for name in ("llc_mean", "llc_stderr", "rhat", "ess", "forgotten_share"):
        llc[name][3:5] = np.nan
    llc["loss"][3:5] = np.inf
    llc["diverged"][3:5] = True
    llc["verdict"] = llc["verdict"].astype(object)
    llc["verdict"][3:5] = "diverged"
    return llc


def all_nan(llc: xr.Dataset) -> xr.Dataset:
    llc = with_nan(llc)
    for name in ("llc_mean", "llc_stderr", "rhat", "ess", "forgotten_share"):
        llc[name][:] = np.nan
    llc["diverged"][:] = True
    llc["verdict"][:] = "diverged"
    return llc


CASES: dict[str, Callable[[], Drawn]] = {
    "01b": draw_01b,
    "01b, one seed, one stage": lambda: draw_01b(runs=["base-s1"], edges=()),
    "02b": draw_02b,
    "02b, no form, one stage": lambda: draw_02b(num_forms=0, edges=()),
    "05": draw_05,
    "05, one seed, one stage": lambda: draw_05(("tasks16-s0",), edges=()),
    "05, no finite tasks": lambda: draw_05(()),
    "06b": draw_06b,
    "06b, no form, one stage": lambda: draw_06b(num_forms=0, edges=()),
    "23": draw_23,
    "23, no milestone": lambda: draw_23(edges=()),
    "23, NaN": lambda: draw_23(with_nan(llc_of())),
    "27": draw_27,
    "27, one seed, one stage": lambda: draw_27(("base-s1",), edges=()),
    "28": draw_28,
    "28, one seed, one stage": lambda: draw_28(("base-s1",), edges=()),
    "traces": lambda: traces.draw(llcs={"published": llc_of(), "local": llc_of(setting="local")}),
    "traces, NaN": lambda: traces.draw(
        llcs={"published": all_nan(llc_of()), "local": with_nan(llc_of())}
    ),
    "traces, one chain": lambda: traces.draw(llcs={"published": llc_of(chains=1)}),
    "milestones": draw_milestones,
    "no milestones": lambda: draw_milestones(edges=()),
}


@cache
def case_named(name: str) -> Drawn:
    """Draw a case once for all tests that only look at it."""
    return CASES[name]()


def test_stages_of_unsound_estimates_are_pale_and_say_so():
    stages = stages_of().assign(sound=False, num_sound=2)
    faint, strong = style.stage_handles(stages), style.stage_handles(stages_of())
    assert faint[0].get_alpha() < 0.5 * strong[0].get_alpha()
    (said,) = style.soundness_handles(stages)
    assert said.get_label() == "pale: 2 of 33 sound"
    assert style.soundness_handles(stages_of()) == []


@pytest.mark.parametrize("case", CASES)
def test_figures_draw_with_labelled_axes(case: str):
    drawn = case_named(case)
    if "," in case:  # the arrangement is that of the full figure, and slow to work out
        drawn.figure.set_layout_engine("none")
    drawn.figure.draw_without_rendering()
    width, _ = drawn.figure.get_size_inches()
    assert width == style.FULL_WIDTH
    for ax in drawn.figure.axes:
        grid = ax.get_subplotspec()
        assert ax.get_xlabel() or not grid.is_last_row()
        assert ax.get_ylabel() or not grid.is_first_col()
    assert len(drawn.data)
    for legend in drawn.figure.legends if "," not in case else []:
        corners = legend.get_window_extent().get_points()
        assert (corners >= 0).all()
        assert (corners <= drawn.figure.bbox.max).all()


@pytest.mark.parametrize("case", ["01b", "05", "06b", "23", "27", "28", "traces"])
def test_data_is_what_the_lines_show(case: str):
    drawn = case_named(case)
    lines = [line for ax in drawn.figure.axes for line in ax.lines if line.get_gid()]
    assert lines
    rows = dict(list(drawn.data.groupby(["panel", "series"])))
    for line in lines:
        part = rows[tuple(line.get_gid().split("/"))]
        np.testing.assert_array_equal(line.get_xdata(), part["x"])
        np.testing.assert_array_equal(line.get_ydata(), part["y"])


def test_scores_of_ridge_regression_are_marked():
    (ax, *_) = case_named("27").figure.axes
    dotted = {line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"}
    assert dotted == {-1.5, -2.0, -3.5}


def test_losses_of_scaled_data_are_over_those_of_predicting_zero():
    data = case_named("28").data
    for panel in "cd":
        for scale in (1, 3):
            rows = data[(data["panel"] == panel) & (data["series"] == f"g = {scale}")]
            assert rows["y"].iloc[0] == pytest.approx(1)
            assert rows["y"].iloc[-1] == pytest.approx(0.5)


def test_every_line_of_the_table_is_drawn():
    drawn = case_named("23")
    gids = {line.get_gid() for ax in drawn.figure.axes for line in ax.lines}
    named = set(drawn.data["panel"] + "/" + drawn.data["series"])
    undrawn = {name for name in named - gids if not name.startswith("milestones/")}
    assert undrawn == {"llc/estimates"}


def test_mean_over_seeds_and_its_band():
    data = case_named("01b").data
    panel = data[data["panel"] == "loss, setting 'published'"].set_index("series")
    runs = np.array([panel.loc[f"base-s{seed}", "y"] for seed in range(3)])
    mean = panel.loc["mean over seeds"]
    np.testing.assert_allclose(mean["y"], runs.mean(0))
    np.testing.assert_allclose(mean["high"] - mean["y"], runs.std(0, ddof=1))


def test_planes_record_trajectory_forms_and_centres():
    ed, forms = trajectory_of()
    data = planes.draw(ed=ed, forms=forms, stages=stages_of()).data
    curve = data[(data["panel"] == "PC3-PC1") & (data["series"] == "trajectory")]
    np.testing.assert_array_equal(curve["x"], forms["smoothed"].sel(pc=1))
    np.testing.assert_array_equal(curve["y"], forms["smoothed"].sel(pc=3))
    centre = data[(data["panel"] == "PC3-PC2") & (data["series"] == "centre 2")]
    np.testing.assert_array_equal(
        centre[["x", "y"]].to_numpy()[0], forms["centre"].sel(form=2, pc=[2, 3])
    )


def test_running_estimate_ends_at_the_llc():
    llc = llc_of()
    data = traces.draw(llcs={"published": llc}).data
    ends = data[data["series"] == "running LLC, mean"].groupby("panel")["y"].last()
    for name, step in chosen_steps(llc).items():
        expected = llc["llc_mean"].sel(step=step).item()
        assert ends[f"published, {name}, step {step}"] == pytest.approx(expected)


def test_published_milestones_are_shares_of_training():
    table = milestone_table([(milestones_of(edges=()), stages_of(edges=()))], NEWS)
    published = table[table["run"] == PUBLISHED]
    np.testing.assert_allclose(published["fraction"], [0.002, 0.08, 0.252, 0.64])
    assert published["kind"].tolist() == ["near-plateau", "plateau", "near-plateau", "plateau"]
    assert table["step"].isna().tolist() == [False] * 4 + [True, True]


def test_milestones_over_seeds_are_of_the_sequence_that_most_seeds_have():
    runs = [("base-s0", (40, 300)), ("base-s1", (60, 320)), ("base-s2", (300,))]
    tables = [(milestones_of(run, edges=at), stages_of(run, edges=at)) for run, at in runs]
    table = milestone_table(tables, NEWS)
    over = table[table["run"] == OVER_SEEDS]
    assert over[["types", "num_seeds", "num_all"]].to_numpy().tolist() == [["AAB", 2, 3]] * 2
    np.testing.assert_allclose(over["step"] + 1, [np.sqrt(41 * 61), np.sqrt(301 * 321)])
    np.testing.assert_allclose(over["fraction"], over["step"] / LAST)
    assert (over["fraction_low"] < over["fraction"]).all()
    (alone,) = milestone_table(tables[1:], NEWS).query("run == @OVER_SEEDS").itertuples()
    assert np.isnan(alone.step)
    assert (alone.num_seeds, alone.num_all) == (1, 2)


def marks_of(ax: Axes) -> dict[str, tuple[int, set[float]]]:
    """Return number and heights of the estimates in a panel, by marker and face."""
    lines = [line for line in ax.lines if line.get_marker() != "None"]
    return {
        f"{line.get_marker()} {'hollow' if line.get_markerfacecolor() == 'white' else 'filled'}": (
            len(line.get_xdata()),
            set(line.get_ydata()),
        )
        for line in lines
    }


def test_every_verdict_has_its_mark():
    assert set(verdict_marks.LOOKS) == set(verdict_marks.SEVERITY) == set(VERDICTS_OF_ESTIMATES)
    llc = with_nan(llc_of())
    llc["verdict"][5:8] = ["drifting", "escaped", "drifting"]
    drawn = draw_23(llc)
    marks = marks_of(drawn.figure.axes[1])
    sizes = {name: count for name, (count, _) in marks.items()}
    rest = llc.sizes["step"] - 8
    assert sizes == {"o hollow": 3, "x filled": 2, "^ hollow": 2, "s hollow": 1, "o filled": rest}
    assert marks["x filled"][1] == {verdict_marks.FOOT}
    assert marks["s hollow"][1] == {llc["llc_mean"].values[6]}
    estimates = drawn.data[drawn.data["series"] == "estimates"]
    assert estimates["verdict"].tolist() == llc["verdict"].values.tolist()
    (legend,) = drawn.figure.legends
    named = {text.get_text() for text in legend.get_texts()}
    assert {label for _, _, label in verdict_marks.LOOKS.values()} <= named


def test_legends_name_what_can_be_seen():
    llc = llc_of()
    llc["verdict"] = ("step", ["escaped"] + ["ok"] * (llc.sizes["step"] - 1))  # at step 0
    (legend,) = draw_23(llc).figure.legends
    named = {text.get_text() for text in legend.get_texts()}
    labels = {label for _, _, label in verdict_marks.LOOKS.values()}
    assert named & labels == {"estimate ok"}


def test_flags_are_counted():
    verdicts = np.array(["ok", "drifting", "saturated", "drifting", "diverged"])
    assert verdict_marks.counts(verdicts) == "1 of 5 saturated, 2 drifting, 1 diverged"
    assert verdict_marks.counts(verdicts[:1]) == ""
    other = np.array(["ok", "saturated", "drifting", "ok", "escaped"])
    severe = ["ok", "saturated", "saturated", "drifting", "diverged"]
    assert verdict_marks.more_severe(verdicts, other).tolist() == severe


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Ledger().add("panel", "series", [1, 2, 3], [1, 2]), "unequal length"),
        (
            lambda: loss_and_llc.draw(
                metrics={"base-s0": metrics_of("base-s0", STEPS[:-1]), "base-s1": metrics_of()},
                llcs={"base-s1": {"local": llc_of()}},
                stages={"local": stages_of()},
                run="base-s1",
            ),
            "different steps",
        ),
        (
            lambda: loss_and_llc.draw(
                metrics={"base-s1": metrics_of()},
                llcs={"base-s1": {"local": llc_of()}},
                stages={"local": stages_of()},
                run="base-s7",
            ),
            "base-s7 is not among",
        ),
        (
            lambda: planes.draw(
                ed=trajectory_of("base-s0")[0], forms=trajectory_of()[1], stages=stages_of()
            ),
            "cannot be drawn together",
        ),
        (
            lambda: forms_in_time.draw(
                ed=trajectory_of()[0].isel(step=slice(1, None)),
                forms=trajectory_of()[1],
                stages=stages_of(),
            ),
            "other steps",
        ),
        (lambda: draw_23(llc_of("base-s0")), "in one figure"),
        (lambda: draw_23(llc_of().assign(verdict=("step", ["fine"] * 11))), "none of ok"),
        (
            lambda: verdict_marks.mark(None, np.ones(2), np.ones(2), np.array(["ok"])),
            "differ in length",
        ),
        (
            lambda: traces.draw(llcs={"published": llc_of(), "local": llc_of("base-s0")}),
            "of one run",
        ),
        (
            lambda: traces.draw(llcs={"published": llc_of(), "local": llc_of().isel(step=[0])}),
            "no estimate at step",
        ),
        (
            lambda: milestones.draw(
                milestones={"0": milestones_of("base-s0")},
                stages={"0": stages_of("base-s1")},
                published=NEWS,
            ),
            "different runs",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(act: Callable[[], object], message: str):
    with pytest.raises(ValueError, match=message):
        act()


def test_style_leaves_global_settings_alone():
    before = dict(mpl.rcParams)
    draw_milestones()
    assert dict(mpl.rcParams) == before


def test_saved_files_are_whole_and_depend_on_the_data_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    contents = []
    for name, epoch in (("one", None), ("two", "1000000000")):
        if epoch:
            monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        paths = [tmp_path / name / f"figure.{kind}" for kind in ("png", "pdf", "csv")]
        figure = style.new_figure(1.0, 1.0, "title")
        figure.subplots().plot([0, 1], [1, 2])
        Drawn(figure, milestones_of()).write(*paths)
        contents.append([path.read_bytes() for path in paths])
        seals = [beside(path, "seal") for path in paths]
        assert sorted((tmp_path / name).iterdir()) == sorted([*paths, *seals])
    assert contents[0] == contents[1]
    assert contents[0][0][:4] == b"\x89PNG"
    assert b"CreationDate" not in contents[0][1]


def test_stage_colours_by_type():
    assert style.stage_colors(stages_of(edges=(40, 300, 900))) == [
        style.RISING[0],
        style.RISING[1],
        style.FALLING[0],
        style.LAST,
    ]
    assert style.stage_colors(stages_of(edges=())) == [style.LAST]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "chains of 110 steps, too short:\nthe pull to w* takes 1,000"),
        ({"num_draws": 950}, ""),
        ({"steps_per_draw": 16}, ""),
        ({"preconditioner": "lanczos"}, ""),
        ({"localization": 0.0}, ""),
    ],
)
def test_chains_shorter_than_the_pull_takes_are_named(change: dict, said: str) -> None:
    sampler = {"step_size": 2e-4, "localization": 10.0, "num_burnin": 50, "num_draws": 60}
    known = {**sampler, "steps_per_draw": 1, "preconditioner": "none", **change}
    assert verdict_marks.short_chains(xr.Dataset(attrs=known)) == said
    assert verdict_marks.short_chains(xr.Dataset()) == ""


def hessian_of(run: str, level: float = 1.0) -> xr.Dataset:
    trace = level * np.exp(np.sin(np.linspace(0, 3, STEPS.size)))
    return HESSIAN.dataset(
        {"trace": trace, "trace_stderr": 0.1 * trace, "eigenvalue": trace[:, None] / [2, 4, 8]},
        {"step": STEPS, "rank": [1, 2, 3]},
        {"run": run},
    )


def test_fig25_shows_curvature_of_every_seed_and_paths_without_escaped_estimates() -> None:
    hessians = {run: hessian_of(run, level) for run, level in (("base-s0", 2.0), ("base-s1", 1.0))}
    llc = llc_of()
    found = {"published": milestones_of()}
    drawn = fig25_curvature.draw(
        hessians=hessians,
        llcs={"published": llc},
        milestones=found,
        stages=stages_of(),
        run="base-s1",
    )
    shown = drawn.data.set_index(["panel", "series"])
    trace = shown.loc[("curvature", "trace")]
    assert trace["y"].tolist() == hessians["base-s1"]["trace"].values.tolist()
    assert shown.loc[("curvature", "trace, base-s0"), "y"].tolist() == pytest.approx(2 * trace["y"])
    path = shown.loc[("Trace of the Hessian, published", "estimates")]
    kept = llc["verdict"].values != "escaped"
    assert path["y"].tolist() == llc["llc_mean"].values[kept].tolist()
    assert (
        path["x"].tolist()
        == hessians["base-s1"]["trace"].sel(step=llc["step"][kept]).values.tolist()
    )
    with pytest.raises(ValueError, match="base-s1"):
        fig25_curvature.draw(
            hessians=hessians,
            llcs={"published": llc},
            milestones=found,
            stages=stages_of(),
            run="base-s0",
        )
