"""Extreme logits of forms and changes of tokens are right, and their figures show what they say."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.extreme_logits import (
    Contexts,
    lifted,
    share_of,
    shown_points,
)
from stagewise.studies.language.figures import fig17_token_changes, form_contents
from stagewise.studies.language.figures.form_contents import draw_points
from stagewise.studies.language.figures.registry import FIGURES
from stagewise.studies.language.form_nulls import (
    form_table,
    is_elsewhere,
    other_directions,
    rank_p,
    shares_at,
)
from stagewise.studies.language.layout import CONTEXTS as CONTEXTS_LAYOUT
from stagewise.studies.language.layout import FORM_CONTENTS, TOKEN_CHANGES
from stagewise.studies.language.model import initial_parameters
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.token_changes import nearest, stage_names, token_changes

RNG = np.random.default_rng(0)


def stages_of(*bounds: float) -> pd.DataFrame:
    edges = [0.0, *bounds, 400.0]
    kinds = "AABA"[: len(edges) - 1]
    return pd.DataFrame(
        {
            "stage": range(1, len(edges)),
            "type": list(kinds),
            "start": edges[:-1],
            "end": edges[1:],
            "setting": "local",
        }
    )


def points(data: pd.DataFrame, panel: str, series: str) -> pd.DataFrame:
    found = data[(data["panel"] == panel) & (data["series"] == series)]
    assert not found.empty, (panel, series)
    return found


def texts(drawn) -> list[str]:
    figure = drawn.figure
    parts = [t.get_text() for ax in figure.axes for t in (ax.yaxis.label, *ax.texts)]
    parts += [ax.get_title(loc="left") for ax in figure.axes]
    legends = [ax.get_legend() for ax in figure.axes if ax.get_legend()] + figure.legends
    return parts + [t.get_text() for legend in legends for t in legend.get_texts()]


# Extreme logits

ROWS = np.array([[9, 1, 2, 3, 1, 2, 1, 5], [9, 4, 4, 0, 0, 0, 0, 0]])
CONTEXTS = Contexts(ROWS, np.array([4, 2]), np.arange(10) % 2 == 0)


def test_patterns_and_their_distances():
    # Row 0 ends in [.. 1 2 3 1]: 2 followed the 1 three tokens before. Row 1: [9 4 4], 4 followed 4.
    expected = np.zeros((2, 10), dtype=int)
    expected[0, 2], expected[1, 4] = 3, 1
    np.testing.assert_array_equal(CONTEXTS.distance(), expected)
    assert np.flatnonzero(CONTEXTS.seen()[0]).tolist() == [1, 2, 3, 9]
    latest = Contexts(np.array([[1, 2, 1, 3, 1]]), np.array([4]), np.zeros(4, bool))
    assert latest.distance()[0].tolist() == [0, 0, 4, 2]


def test_a_point_is_lifted_by_its_components():
    components = np.linalg.qr(RNG.normal(size=(20, 2)))[0].T
    ed = xr.Dataset(
        {"mean": ("feature", np.arange(20.0)), "components": (("pc", "feature"), components)}
    )
    values = lifted(ed, np.array([3.0, -1.0]), 10)
    raw = np.arange(20.0) + 3 * components[0] - components[1]
    np.testing.assert_allclose(values.ravel(), (raw - raw.mean()) / raw.std())
    assert values.shape == (2, 10)


def test_shares_against_the_base_rate():
    chosen = np.zeros((2, 10), bool)
    chosen[0, :4] = True
    found = share_of(chosen, CONTEXTS.kinds()["new_word"])
    assert (found.share, found.base_rate, found.count) == (0.5, 0.5, 4)
    assert found.stderr == 0  # both contexts have the base rate exactly
    none = share_of(np.zeros((2, 10), bool), chosen)
    assert none.count == 0
    assert np.isnan(none.share)


def test_the_error_of_a_share_covers_it_over_repetitions():
    """Contexts of even or odd kind: the spread of shares over repeated draws is the error."""
    shares, errors = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        kind = np.repeat(rng.random((60, 1)) < 0.4, 30, axis=1)
        chosen = rng.random((60, 30)) < 0.1 + 0.1 * rng.random((60, 1))
        found = share_of(chosen, kind)
        shares.append(found.share - found.base_rate)
        errors.append(found.stderr)
    assert np.mean(errors) == pytest.approx(np.std(shares), rel=0.25)


def forms_of(*p_values: float) -> xr.Dataset:
    count = len(p_values)
    return xr.Dataset(
        {
            "form_step": ("form", 100.0 * np.arange(1, count + 1)),
            "p_value": ("form", np.array(p_values, dtype=float)),
            "centre": (("form", "pc"), np.arange(2.0 * count).reshape(count, 2)),
            "influence_start": ("form", 50.0 + 100.0 * np.arange(count)),
            "influence_end": ("form", 150.0 + 100.0 * np.arange(count)),
        },
        attrs={"run": "twolayers-s0"},
    )


def ed_of() -> xr.Dataset:
    return xr.Dataset(
        {
            "mean": ("feature", RNG.normal(size=20)),
            "components": (("pc", "feature"), RNG.normal(size=(2, 20))),
            "scores": (("step", "pc"), RNG.normal(size=(3, 2))),
        },
        coords={"step": [0, 100, 400]},
    )


# What other points raise


def test_ranks_count_the_value_itself():
    assert rank_p(0.5, np.array([0.1, 0.5, 0.7, np.nan])) == 3 / 5
    assert rank_p(0.9, np.zeros(19)) == 1 / 20
    assert np.isnan(rank_p(np.nan, np.zeros(3)))
    assert np.isnan(rank_p(0.5, np.empty(0)))


def test_other_directions_are_as_far_from_the_mean_and_all_around_it():
    points = other_directions(np.array([3.0, 0.0, 4.0]), StreamKey(0))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 5)
    np.testing.assert_allclose(points.mean(0), 0, atol=0.4)
    np.testing.assert_array_equal(points, other_directions(np.array([3.0, 0.0, 4.0]), StreamKey(0)))


def test_the_table_says_what_forms_are_about_and_keeps_its_layout(monkeypatch):
    # Twenty logits hardly go beyond two standard deviations.
    monkeypatch.setattr("stagewise.studies.language.extreme_logits.THRESHOLD", 1.0)
    ed, forms = ed_of(), forms_of(0.02, 0.5)
    table = FORM_CONTENTS.check(form_table(ed, forms, CONTEXTS, StreamKey(0)))
    assert len(table) == 2 * 2 * 3
    one = table.query("form == 2 and side == 'low' and measure == 'new_word'").iloc[0]
    values = lifted(ed, forms["centre"].to_numpy()[1], 10)
    assert one["count"] == (values < -1).sum()
    assert one["share"] == CONTEXTS.kinds()["new_word"][values < -1].mean()
    recorded = shares_at(ed, ed["scores"].to_numpy(), CONTEXTS.kinds())
    away = recorded.sel(side="low", measure="new_word").to_numpy()  # all but steps 150 to 250
    assert one["p_elsewhere"] == rank_p(one["share"], away)
    assert one["directions_low"] <= one["directions_high"]
    assert is_elsewhere(ed["step"].to_numpy(), forms.isel(form=0)).tolist() == [True, False, True]
    assert FORM_CONTENTS.check(form_table(ed, forms_of(), CONTEXTS, StreamKey(0))).empty


NUM_CONTEXTS, SIZE, TIMES = 30, 50, 50


def planted(case: str, seed: int) -> tuple[float, float]:
    """Return both ranks of a form late in training, whose tokens are of a kind or not.

    Points differ in three components, the second of which turns at the form. The kind is a third of all
    entries at random: in no component (none), in the mean of all points (everywhere), in the component
    that only grows (growing) or in that of the form (form).
    """
    rng = np.random.default_rng(seed)
    steps = np.linspace(0, 8000, TIMES)
    u, turn = np.log1p(steps) / np.log1p(8000), rng.uniform(0.75, 0.95)
    kind = rng.random((NUM_CONTEXTS, SIZE)) < 0.3
    loading = (kind - kind.mean()).ravel() / kind.std()
    components = rng.normal(size=(3, kind.size))
    place = {"growing": 0, "form": 1}.get(case)
    if place is not None:
        components[place] += loading
    components = np.linalg.qr(components.T)[0].T
    components *= np.sign(components @ loading)[:, None] if place is not None else 1.0
    mean = (
        3 * rng.normal(size=SIZE) + rng.normal(size=kind.shape) + 3 * kind * (case == "everywhere")
    )
    scores = np.stack(
        [
            1.5 * (u - 0.5),
            2 * np.exp(-((u - turn) ** 2) / 0.0072) + 0.02 * rng.normal(size=TIMES).cumsum(),
            0.5 * np.sin(6 * u + rng.uniform(0, 6)),
        ],
        axis=1,
    )
    scores = kind.size**0.5 * (scores - scores.mean(0))
    ed = xr.Dataset(
        {
            "mean": ("feature", mean.ravel()),
            "components": (("pc", "feature"), components),
            "scores": (("step", "pc"), scores),
        },
        coords={"step": steps},
    )
    near = np.abs(u - turn) < 0.06
    form = xr.Dataset({"influence_start": steps[near][0], "influence_end": steps[near][-1]})
    centre = scores[np.abs(u - turn).argmin()] * [1.0, 1.15, 1.0]
    share, *elsewhere = shares_at(
        ed, np.vstack([centre, scores[is_elsewhere(steps, form)]]), {"kind": kind}
    )[:, 0, 0].to_numpy()
    other = shares_at(ed, other_directions(centre, StreamKey(seed))[:59], {"kind": kind})
    return rank_p(share, np.array(elsewhere)), rank_p(share, other[:, 0, 0].to_numpy())


@pytest.mark.parametrize(
    ("case", "least", "most"),
    [("none", 0, 0.1), ("everywhere", 0, 0.1), ("growing", 0, 0.1), ("form", 0.5, 1)],
)
def test_forms_are_about_a_kind_only_where_they_raise_it_more_than_other_points(case, least, most):
    """Power and false positives of both ranks together, level 5 %; 25 simulated runs each."""
    about = np.mean([max(planted(case, seed)) <= 0.05 for seed in range(25)])
    assert least <= about <= most


def test_contexts_are_kept_as_they_were(tmp_path):
    CONTEXTS_LAYOUT.write(tmp_path / "contexts.nc", CONTEXTS.dataset(), {"run": "twolayers-s0"})
    read = Contexts.of(CONTEXTS_LAYOUT.read(tmp_path / "contexts.nc"))
    for name in ("rows", "places", "new_word"):
        np.testing.assert_array_equal(getattr(read, name), getattr(CONTEXTS, name))
    assert read.new_word.dtype == bool


def test_figures_of_forms_compare_with_the_end_and_say_where_none_was_found():
    ed, forms = ed_of(), forms_of(0.5, 0.01, 0.2, 0.1)
    shown = shown_points(forms, ed, 10)
    assert [title.split(",")[0] for title in shown] == [
        "Form 2",
        "Form 3",
        "Form 4",
        "End of training",
    ]
    for title, number in zip(shown, (1, 2, 3), strict=False):
        np.testing.assert_array_equal(
            shown[title], lifted(ed, forms["centre"].to_numpy()[number], 10)
        )
    stored, contents = CONTEXTS.dataset(), form_table(ed, forms, CONTEXTS, StreamKey(0))
    for name in ("fig15_new_words", "fig16_induction_patterns"):
        kind = FIGURES[name].constants
        stores = {"ed": ed, "contexts": stored, **kind}
        drawn = form_contents.draw(forms=forms, contents=contents, **stores)
        assert len(drawn.figure.axes) == 1 + 4 * kind["columns"]
        high = points(drawn.data, "along training", "high")
        shares = shares_at(ed, ed["scores"].to_numpy(), CONTEXTS.kinds())
        np.testing.assert_array_equal(high["y"], shares.sel(side="high", measure=kind["measure"]))
        own = (
            contents.query("form == 2 and side == 'low'").set_index("measure").loc[kind["measure"]]
        )
        (form,) = points(drawn.data, "forms", "form 2, low").to_dict("records")
        assert form["x"] == 200
        np.testing.assert_equal(form["y"], own["share"])
        (bar,) = points(drawn.data, "other directions", "form 2, low").to_dict("records")
        bounds = own[["directions_low", "directions_high"]].tolist()
        np.testing.assert_equal([bar["low"], bar["high"]], bounds)
        none = form_table(ed, forms_of(), CONTEXTS, StreamKey(0))
        alone = form_contents.draw(forms=forms_of(), contents=none, **stores)
        assert {"No form found", "No form found; end of training"} <= set(texts(alone))


def test_a_form_that_was_compared_with_no_random_walks_says_so():
    shown = shown_points(forms_of(0.25, float("nan")), ed_of(), 10)
    assert list(shown)[:2] == ["Form 1, step 100 (p = 0.25)", "Form 2, step 200 (no random walks)"]


def patterned() -> tuple[np.ndarray, Contexts]:
    """Forty contexts of twelve tokens, each with one pattern, at distance 2 or 10.

    All near patterns and a quarter of the far ones have a high logit; nothing is low.
    """
    near, far = [9, 8, 8, 8, 8, 8, 8, 8, 1, 2, 1], [1, 2, 8, 8, 8, 8, 8, 8, 8, 8, 1]
    rows = np.array([near] * 20 + [far] * 20)
    values = np.zeros((40, 200))
    values[:25, 2] = 5.0
    return values, Contexts(rows, np.full(40, 10), np.arange(200) % 2 == 0)


def test_share_of_patterns_by_distance_is_certain_nowhere():
    values, contexts = patterned()
    drawn = draw_points({"Form 1": values}, contexts, "induction", 3)
    line = points(drawn.data, "distance, Form 1", "beyond 2 sd, high").dropna()
    assert line["y"].tolist() == [1.0, 0.25]
    assert line["x"].between([1, 8], [4, 10]).all()
    # Wilson's interval of one standard error (z = 1): of 20 of 20 it begins at 20 / 21.
    np.testing.assert_allclose(line["low"].iloc[0], 20 / 21, atol=1e-3)
    assert line["high"].iloc[0] == pytest.approx(1)
    assert line["low"].iloc[1] < 0.25 < line["high"].iloc[1]
    low = points(drawn.data, "distance, Form 1", "beyond 2 sd, low").dropna()
    assert low["y"].tolist() == [0.0, 0.0]
    assert (low["high"] > 0.04).all()
    assert "40 patterns in 40 contexts" in texts(drawn)


def test_contexts_without_patterns_are_drawn_and_said_to_have_none():
    values, contexts = patterned()
    without = Contexts(np.tile(np.arange(11), (40, 1)), contexts.places, contexts.new_word)
    drawn = draw_points({"Form 1": values}, without, "induction", 3)
    assert "0 patterns in 0 contexts" in texts(drawn)
    assert points(drawn.data, "distance, Form 1", "beyond 2 sd, high")["y"].isna().all()


def test_base_rate_of_rare_patterns_can_be_told_from_zero():
    values, contexts = patterned()
    panel = draw_points({"Form 1": values}, contexts, "induction", 3).figure.axes[1]
    low, base, high = panel.transAxes.inverted().transform(
        panel.transData.transform([(0, y) for y in (0.0, 1 / 200, 1.0)])
    )[:, 1]
    assert base - low > 0.1
    assert high > base
    words = draw_points({"Form 1": values}, contexts, "new_word", 2).figure.axes[1]
    assert words.get_yscale() == "linear"  # half of all tokens begin a word


# Token changes


def test_changes_are_those_between_the_checkpoints_nearest_to_the_bounds():
    network = NetworkSettings(20, 8, 1, 2, 8)
    made = {step: initial_parameters(network, StreamKey(step)) for step in (0, 10, 400)}
    rows = torch.randint(20, (5, 8), generator=StreamKey(9).generator())

    class Tokenizer:
        def decode(self, ids):
            return "\ufffd" if ids == [int(rows[2, 3])] else f"<{ids[0]}>"

    found = token_changes(
        made.__getitem__, network, np.array([0, 10, 400]), stages_of(14), rows, Tokenizer(), 5
    )
    assert found["change"].shape == (5, 2, 7)
    from stagewise.studies.language.behaviour import losses_of

    losses = {step: losses_of(params, network, rows) for step, params in made.items()}
    total = ((losses[10] - losses[0]).abs() + (losses[400] - losses[10]).abs()).sum(1)
    broken = [row for row in range(5) if int(rows[2, 3]) in rows[row, 1:].tolist()]
    order = sorted(range(5), key=lambda row: (row not in broken, float(total[row])), reverse=True)
    first = rows[order[0], 1:].tolist()
    assert found["token"][0].to_numpy().tolist() == [f"<{index}>" for index in first]
    np.testing.assert_allclose(found["change"][0, 1], (losses[400] - losses[10])[order[0]])
    assert nearest(np.array([0, 10, 400]), 14.0) == 10


def test_text_is_escaped_and_carries_its_change(tmp_path):
    names = stage_names(stages_of(50))
    assert names == ["1A, step 0 to 50", "2A, step 50 to 400"]
    values = np.array([[[-1.25, 0.0, 2.0], [0.5, 0.25, 0.0]]])
    tokens = np.array([["<b>", " a$", "\n"]], dtype=object)
    made = TOKEN_CHANGES.dataset({"token": tokens, "change": values}, {"stage": names})
    TOKEN_CHANGES.write(tmp_path / "changes.nc", made, {})
    changes = TOKEN_CHANGES.read(tmp_path / "changes.nc")
    page = fig17_token_changes.as_html(changes)
    assert "&lt;b&gt;" in page
    assert 'title="-1.25 nats"' in page
    assert not re.search(r"<b>|<script|\n</span>", page)
    drawn = fig17_token_changes.draw(changes=changes)
    line = points(drawn.data, "passage 1", "1A, step 0 to 50")
    np.testing.assert_allclose(line["y"], values[0, 0])
    # Steps at quantiles of sizes 0, 0, 0.25, 0.5, 1.25 and 2: every change but the least has a colour.
    norm = fig17_token_changes.scale_of(changes)
    assert norm.boundaries[-1] == 2
    assert norm([0.25])[0] != norm([0.0])[0] == norm([-0.1])[0] != norm([-1.25])[0]
    shown = [text for text in texts(drawn) if text]
    assert {"<b>", " a\\$", "↵"} <= set(shown)
