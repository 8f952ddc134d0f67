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
    form_table,
    lifted,
    share_of,
    shown_points,
)
from stagewise.studies.language.figures import fig17_token_changes, form_contents
from stagewise.studies.language.figures.form_contents import draw_points
from stagewise.studies.language.figures.registry import FIGURES
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
        }
    )


def test_the_table_says_what_forms_are_about_and_keeps_its_layout():
    values = np.where(CONTEXTS.kinds()["induction"], 5.0, 0.0)
    table = FORM_CONTENTS.check(form_table([values], forms_of(0.02), CONTEXTS))
    high = table[(table["side"] == "high") & (table["measure"] == "induction")].iloc[0]
    assert (high["share"], high["count"], high["base_rate"]) == (1.0, 2, 0.1)
    assert len(table) == 6
    assert FORM_CONTENTS.check(form_table([], forms_of(), CONTEXTS)).empty


def ed_of() -> xr.Dataset:
    return xr.Dataset(
        {
            "mean": ("feature", RNG.normal(size=20)),
            "components": (("pc", "feature"), RNG.normal(size=(2, 20))),
            "scores": (("step", "pc"), RNG.normal(size=(3, 2))),
        }
    )


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
    stored = CONTEXTS.dataset()
    for name in ("fig15_new_words", "fig16_induction_patterns"):
        kind = FIGURES[name].constants
        drawn = form_contents.draw(ed=ed, forms=forms, contexts=stored, **kind)
        assert len(drawn.figure.axes) == 4 * kind["columns"]
        alone = form_contents.draw(ed=ed, forms=forms_of(), contexts=stored, **kind)
        assert "No form found; end of training" in texts(alone)


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
    shown = [text for text in texts(drawn) if text]
    assert {"<b>", " a\\$", "↵"} <= set(shown)
