"""The second opinion: its cases, the rule that sets SGLD's step, its table and figure."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stagewise.core.seeding import StreamKey
from stagewise.exact.layout import SECOND_OPINION
from stagewise.exact.second_opinion import (
    LOCALIZATION,
    REGRESSIONS,
    TOY_STEP_SHARE,
    TOYS,
    cases,
    compare_case,
)
from stagewise.exact.settings import SecondOpinionSettings
from stagewise.plots import style
from stagewise.studies.instruments.figures.second_opinion import draw

KEY = StreamKey(0, ("test",))
SMALL = SecondOpinionSettings(
    num_chains=3,
    num_steps=40,
    num_moves=12,
    leapfrog_steps=3,
    step_bias=0.01,
    num_samples=60,
    batch_size=20,
)
CASES = list(cases(SMALL, KEY))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows = [compare_case(case, SMALL, KEY) for case in (CASES[0], CASES[-1])]
    return SECOND_OPINION.check(pd.DataFrame(rows))


def test_toys_and_regressions_are_compared():
    assert len(CASES) == len(TOYS) + len(REGRESSIONS)
    assert len({case.model.name for case in CASES}) == len(CASES)
    known = [np.isfinite(case.exact) for case in CASES]
    assert known == [True] * len(TOYS) + [False] * len(REGRESSIONS)
    for case in CASES[len(TOYS) :]:
        assert case.n_beta == pytest.approx(60 / np.log(60))
        assert case.model.loss_fn(case.model.params_at(0), case.model.samples) > 0  # label noise


def test_step_follows_the_bias_allowed(table):
    for case, share, step in zip(
        (CASES[0], CASES[-1]), (TOY_STEP_SHARE, 1.0), table["sgld_step_size"], strict=True
    ):
        assert step * case.stiffness / 4 == pytest.approx(0.01 * share)
    assert (table["localization"] == LOCALIZATION).all()


def test_difference_is_in_joint_standard_errors(table):
    joint = np.hypot(table["sgld_stderr"], table["hmc_stderr"])
    np.testing.assert_allclose(table["z_score"], (table["sgld"] - table["hmc"]) / joint)


def test_rows_depend_on_the_key_alone(table):
    again = compare_case(CASES[-1], SMALL, KEY)
    assert again == table.iloc[-1].to_dict() | {"exact": again["exact"]}


def test_both_samplers_find_the_exact_value_of_a_toy():
    size = {"num_chains": 12, "num_steps": 1500, "num_moves": 300, "leapfrog_steps": 8}
    settings = SecondOpinionSettings(**size, step_bias=0.02, num_samples=60, batch_size=20)
    row = compare_case(CASES[1], settings, KEY)
    for name in ("sgld", "hmc"):
        assert row[f"{name}_stderr"] < 0.06 * row["exact"]
        assert abs(row[name] - row["exact"]) < 4 * row[f"{name}_stderr"]
    assert 0.65 < row["acceptance"] < 0.95


def test_figure_shows_every_case_and_counts_agreement(table):
    table = table.assign(z_score=[0.5, -3.1], hmc_verdict=["ok", "drifting"])
    drawn = draw(table=table)
    drawn.figure.draw_without_rendering()
    assert drawn.figure.get_size_inches()[0] == style.FULL_WIDTH
    assert drawn.figure.get_suptitle().startswith("1 of 2 models")
    data = drawn.data.set_index(["panel", "series"])
    np.testing.assert_allclose(data.loc[("a", "sgld"), "estimate"], table["sgld"])
    np.testing.assert_allclose(data.loc[("b", "z-score"), "x"], [0.5, -3.1])
    left, right = drawn.figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == table["case"].tolist()
    low, high = right.get_xlim()
    assert low < -3.1 < 3.1 < high
    (legend,) = drawn.figure.legends
    assert "hollow: flagged" in [text.get_text() for text in legend.get_texts()]
