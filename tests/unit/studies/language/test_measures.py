"""Figures of behaviour and structure of language models show what the metrics say, and no more."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.language.figures import (
    fig03_bigrams_and_ngrams,
    fig04_heads_and_induction,
    fig18_position_losses,
    fig19_position_shapes,
    fig20_composition,
)
from stagewise.studies.language.figures.fig19_position_shapes import shown_steps
from stagewise.studies.language.figures.panels import first_shown, over_positions, stage_rows
from stagewise.studies.language.landmarks import landmark_table
from stagewise.studies.language.layout import METRICS

LAST = 4000
STEPS = np.unique(np.r_[0, np.geomspace(1, LAST, 24).round(), LAST / 2]).astype(int)
LEAST = int(STEPS[15])
NUM_HEADS, NUM_PLACES = 3, 10
PREVIOUS, INDUCTION, LATER = 1, 2, 0
"""Heads, from 0: of the first and the second layer that become an induction pair, and one of the second
that looks at previous tokens too."""

Runs = dict[str, xr.Dataset]
Stages = dict[str, pd.DataFrame]


def metrics_of(num_layers: int, steps: np.ndarray = STEPS, learns: bool = True) -> xr.Dataset:
    """Return metrics of a run whose bigram score is least at `LEAST` and whose induction comes late."""
    rng = np.random.default_rng(num_layers)
    progress = np.log1p(steps) / math.log1p(LAST)
    late = np.clip(3 * progress - 2, 0, None) if learns else np.zeros(steps.size)
    heads = np.full((steps.size, num_layers, NUM_HEADS), 0.02)
    heads += 0.001 * rng.random(heads.shape)
    previous, prefix = heads.copy(), heads.copy()
    previous[:, 0, PREVIOUS] += late
    if num_layers == 2:
        prefix[:, 1, INDUCTION] += 0.5 * late
        previous[:, 1, LATER] += 0.4 * late
    along = 5 - progress[:, None] - 0.1 * np.arange(3)
    data: dict[str, np.ndarray | float] = {
        "test_loss": 6 - progress,
        "position_loss": along,
        "ablated_loss": along + np.outer(late, [0, 1, 2]),
        "ablation_effect": np.outer(late, [0, 1, 2]),
        "icl_score": -late,
        "bigram_score": 4.5 + np.abs(progress - np.log1p(LEAST) / math.log1p(LAST)),
        "ngram_score": 1 + np.outer(progress, [0.1, 0.3]),
        "completion_gain": late,
        "second_copy_gain": 2 * late,
        "previous_token_score": previous,
        "prefix_matching_score": prefix,
        "first_prefix_score": heads,
    }
    data |= {f"{name}_stderr": np.full_like(values, 0.01) for name, values in data.items()}
    rows = 2 * rng.standard_normal(50) + 0.1 * rng.standard_normal((steps.size, 50))
    data["icl_score_row"] = rows - late[:, None]
    pair = (steps.size, NUM_HEADS, NUM_HEADS)
    composed = 0.1 + 0.01 * rng.random(pair)
    composed[:, PREVIOUS, INDUCTION] += late
    spread = rng.random((steps.size, 3))
    data |= {
        "position_variance_ratio": np.sort(spread)[:, ::-1] / 3,
        "position_score": rng.standard_normal((steps.size, NUM_PLACES, 3)),
        "position_norm": 1 + rng.random((steps.size, NUM_PLACES)),
        "weight_norm": 20 + progress,
        "bigram_entropy": 4.0,
        "bigram_entropy_stderr": 0.01,
        "num_matches": 100,
        "composition_random": 0.1,
    }
    if num_layers == 2:
        data["composition_key"] = composed
    coords = {"step": steps, "position": [1, 2, 5], "ngram": [2, 3]}
    return METRICS.check(METRICS.dataset(data, coords))


def stages_of(*edges: float, last: float = LAST) -> pd.DataFrame:
    ends = [*edges, float(last)]
    kinds = list("AABAA"[: len(ends)])
    numbers = range(1, len(ends) + 1)
    table = pd.DataFrame({"stage": numbers, "start": [0.0, *edges], "end": ends, "type": kinds})
    return table.assign(sound=len(ends) > 1, num_sound=3 * len(ends), num_estimates=12)


def learned() -> tuple[Runs, Stages]:
    runs = {"twolayers": metrics_of(2), "onelayer": metrics_of(1)}
    return runs, {"twolayers": stages_of(3.0, 90.0, 800.0), "onelayer": stages_of(90.0)}


def untrained() -> tuple[Runs, Stages]:
    """Return runs so short that nothing is learned, with one stage each."""
    steps = np.array([0, 1, 2, 4])
    runs = {
        variant: metrics_of(layers, steps, learns=False)
        for variant, layers in (("twolayers", 2), ("onelayer", 1))
    }
    return runs, dict.fromkeys(runs, stages_of(last=4))


REMARK = "Trained on something"
FIGURES: dict[str, Callable[..., Drawn]] = {
    "fig03": partial(fig03_bigrams_and_ngrams.draw, remark=REMARK),
    "fig04": partial(fig04_heads_and_induction.draw, remark=REMARK),
    "fig18": fig18_position_losses.draw,
    "fig19": fig19_position_shapes.draw,
    "fig20": fig20_composition.draw,
    "fig22": partial(fig03_bigrams_and_ngrams.draw, remark=""),
}


@cache
def drawn(name: str, learns: bool = True) -> Drawn:
    """Draw a figure once for all tests that only look at it."""
    runs, stages = learned() if learns else untrained()
    if name == "fig22":
        runs, stages = {"onelayer": runs["onelayer"]}, {"onelayer": stages["onelayer"]}
    marks = {v: landmark_table(metrics.assign_attrs(run=v)) for v, metrics in runs.items()}
    more = {"landmarks": marks} if name in ("fig03", "fig22") else {}
    return FIGURES[name](runs=runs, stages=stages, **more)


def part(name: str, panel: str, series: str, learns: bool = True) -> pd.DataFrame:
    data = drawn(name, learns).data
    return data[(data["panel"] == panel) & (data["series"] == series)]


def texts(name: str, learns: bool = True) -> list[str]:
    return [text.get_text() for ax in drawn(name, learns).figure.axes for text in ax.texts]


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_at_the_width_of_the_page(name: str, learns: bool):
    figure = drawn(name, learns).figure
    figure.draw_without_rendering()
    assert figure.get_size_inches()[0] == style.FULL_WIDTH
    for legend in figure.legends:
        corners = legend.get_window_extent().get_points()
        assert (corners >= 0).all()
        assert (corners <= figure.bbox.max).all()


@pytest.mark.parametrize("name", FIGURES)
def test_data_is_what_the_lines_show(name: str):
    found = drawn(name)
    lines = [line for ax in found.figure.axes for line in ax.lines if line.get_gid()]
    assert lines
    rows = dict(list(found.data.groupby(["panel", "series"])))
    for line in lines:
        own = rows[tuple(line.get_gid().split("/"))]
        np.testing.assert_array_equal(line.get_xdata(), own["x"])
        np.testing.assert_array_equal(line.get_ydata(), own["y"])


def test_bands_are_standard_errors():
    metrics = learned()[0]["twolayers"]
    own = part("fig04", "prefix matching, twolayers", f"2:{INDUCTION + 1}")
    expected = metrics["prefix_matching_score"].isel(layer=1, head=INDUCTION).to_numpy()
    np.testing.assert_allclose(own["y"], expected)
    np.testing.assert_allclose(own["high"] - own["y"], 0.01)
    np.testing.assert_allclose(own["y"] - own["low"], 0.01)


def test_the_band_of_the_icl_score_is_the_error_of_its_change():
    rows = learned()[0]["twolayers"]["icl_score_row"].to_numpy()
    own = part("fig04", "ICL, twolayers", "ICL score")
    changes = rows - rows[0]
    expected = changes.std(axis=1, ddof=1) / 50**0.5
    np.testing.assert_allclose(own["high"] - own["y"], expected)
    assert expected[-1] < 0.1 * rows.std(axis=1, ddof=1)[-1]  # of the level: 2 over the root of 50


def test_the_band_of_zeroed_positions_is_the_error_of_what_they_cost():
    for label, error in (("positions zeroed", 0.01), ("as trained", 0.0)):
        own = part("fig03", "positions, twolayers", label)
        np.testing.assert_allclose(own["high"] - own["y"], error)


def test_signs_of_components_follow_those_of_the_next_checkpoint():
    shape = np.random.default_rng(0).normal(size=(10, 3))
    turned = fig19_position_shapes.aligned(np.stack([shape * [1, -1, 1], -shape, shape]))
    np.testing.assert_allclose(turned, np.stack([shape] * 3))


def test_the_minimum_of_the_bigram_score_is_marked():
    for variant in ("twolayers", "onelayer"):
        marked = part("fig03", f"bigrams, {variant}", "minimum")
        assert marked["x"].tolist() == [LEAST]
        assert marked["y"].tolist() == [pytest.approx(4.5)]
    labels = {
        text.get_text() for ax in drawn("fig03").figure.axes for text in ax.get_legend().get_texts()
    }
    assert f"minimum, step {LEAST}" in labels
    assert not any("No minimum" in text for text in texts("fig03"))


def test_a_score_that_still_falls_has_no_minimum():
    assert texts("fig03", learns=False).count("No minimum within these steps") == 2


def test_the_error_of_a_mean_over_positions_is_bounded():
    rng = np.random.default_rng(4)
    common = rng.standard_normal((500, 1))
    for share in (0.0, 0.5, 1.0):
        losses = share * common + (1 - share) * rng.standard_normal((500, 6))
        errors = losses.std(0, ddof=1) / math.sqrt(500)
        found = over_positions(
            xr.Dataset(
                {
                    "loss": (("step", "position"), losses.mean(0)[None]),
                    "loss_stderr": (("step", "position"), errors[None]),
                }
            ),
            "loss",
        )
        actual = losses.mean(1).std(ddof=1) / math.sqrt(500)
        assert float(found["loss"][0]) == pytest.approx(losses.mean())
        assert actual <= float(found["loss_stderr"][0]) * (1 + 1e-9)
    # The bound is met where all positions go together.
    assert float(found["loss_stderr"][0]) == pytest.approx(actual)


def named_heads(column: int, row: int) -> list[str]:
    """Return what the legend of a panel of figure 4 names."""
    (ax,) = [
        ax
        for ax in drawn("fig04").figure.axes
        if (ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start) == (row, column)
    ]
    legend = ax.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def test_heads_that_rise_are_named_by_layer_and_number():
    two = [f"head 1:{PREVIOUS + 1}", f"head 2:{LATER + 1}"]
    assert named_heads(column=0, row=0) == [*two, "others"]
    assert named_heads(column=0, row=1) == [f"head 2:{INDUCTION + 1}", "others"]
    assert named_heads(column=1, row=0) == [f"head 1:{PREVIOUS + 1}", "others"]


def test_one_layer_has_no_induction_and_the_figure_says_so():
    assert named_heads(column=1, row=1) == []
    notes = [text for text in texts("fig04") if text.startswith("No head")]
    assert notes == ["No head doubles its score at step 0 (highest 0.02)"]


def test_without_training_no_head_is_named():
    assert len([t for t in texts("fig04", learns=False) if t.startswith("No head")]) == 4


def test_all_heads_are_in_the_data():
    data = drawn("fig04").data
    for variant, layers in (("twolayers", 2), ("onelayer", 1)):
        for measure in ("previous token", "prefix matching"):
            own = data[data["panel"] == f"{measure}, {variant}"]
            names = {f"{layer + 1}:{h + 1}" for layer in range(layers) for h in range(NUM_HEADS)}
            assert set(own["series"]) == names


def test_composition_marks_the_previous_token_head_and_begins_with_the_induction_head():
    axes = drawn("fig20").figure.axes
    assert axes[0].get_title("left").startswith(f"Into head 2:{INDUCTION + 1}\nprefix score 0.5")
    for ax in axes:
        strong = [line for line in ax.lines if line.get_label().startswith("from")]
        assert [line.get_gid().split("/")[1] for line in strong] == [f"from 1:{PREVIOUS + 1}"]
    scores = learned()[0]["twolayers"]["composition_key"]
    drawn_scores = part("fig20", f"into 2:{INDUCTION + 1}", f"from 1:{PREVIOUS + 1}")["y"]
    np.testing.assert_array_equal(
        drawn_scores, scores.isel(earlier_head=PREVIOUS, later_head=INDUCTION)
    )
    assert part("fig20", "baseline", "random heads")["y"].tolist() == [0.1]


def test_differences_of_losses_are_those_of_the_store():
    effect = learned()[0]["twolayers"]["ablation_effect"]
    own = part("fig18", "ablation_effect, twolayers", "position 5")
    np.testing.assert_array_equal(own["y"], effect.sel(position=5))
    mean = part("fig18", "ablation_effect, twolayers", "mean")
    np.testing.assert_allclose(mean["y"], effect.mean("position"))


def test_shown_checkpoints_double_up_to_the_last():
    shown = shown_steps(learned()[0]["twolayers"])
    assert (shown[0], shown[-1]) == (0, LAST)
    ratios = np.array(shown[2:]) / np.array(shown[1:-1])
    assert len(shown) == 6
    np.testing.assert_allclose(ratios, 2, rtol=0.35)  # the grid of checkpoints is that coarse
    assert shown_steps(untrained()[0]["twolayers"]) == [0, 1, 2, 4]


def test_positions_are_drawn_in_their_planes_and_numbered_from_one():
    metrics = learned()[0]["twolayers"]
    scores = metrics["position_score"].sel(step=LAST)
    own = part("fig19", "PC1 against PC3", f"step {LAST}")
    np.testing.assert_array_equal(own[["y", "x"]], scores.isel(position_pc=[0, 2]))
    norms = part("fig19", "norm", f"step {LAST}")
    assert norms["x"].tolist() == list(range(1, NUM_PLACES + 1))
    np.testing.assert_array_equal(norms["y"], metrics["position_norm"].sel(step=LAST))


def test_only_stages_in_view_are_in_the_legend():
    runs, stages = learned()
    assert first_shown(LAST) == 10
    labels = [[handle.get_label() for handle in row] for row in stage_rows(runs, stages)]
    assert labels == [
        ["Two layers, stages", "2A to 90", "3B to 800", "4A to 4k"],
        ["One layer, stages", "1A to 90", "2A to 4k"],
    ]


def test_no_stages_no_legend():
    runs, stages = learned()
    empty = {variant: table.iloc[:0] for variant, table in stages.items()}
    assert stage_rows(runs, empty) == []
