from __future__ import annotations

import numpy as np
import pytest

from stagewise.development.form_rates import form_rates
from stagewise.development.layout import FORM_RATES
from stagewise.development.settings import FormRateSettings
from stagewise.development.synthetic_trajectories import (
    NULLS,
    PLANTED,
    disturbed,
    even,
    in_bursts,
    random_walk,
    slowing,
)

STEPS = np.linspace(0, 25_000, 120).round().astype(int)


def test_rates_of_few_trajectories() -> None:
    settings = FormRateSettings(num_trajectories=2, num_planted=2, disturbances=(0.02,))
    table = FORM_RATES.check(form_rates(settings, 0))
    assert table["process"].tolist() == [*NULLS, *PLANTED]
    assert table["num_trajectories"].eq(2).all()
    assert table["num_significant"].le(table["num_with_form"]).all()
    rows = table.set_index("process")
    # An exact form under a fiftieth of noise is always there, and beyond 19 walks in most draws.
    assert rows.loc["turns back", "num_with_form"] == 2
    assert rows.loc["turns back", "num_significant"] >= 1
    assert rows.loc["travelling wave", "num_significant"] == 0
    assert form_rates(settings, 0).equals(table)


def test_scores_of_even_walks_are_cosines_the_more_the_higher_their_dimension() -> None:
    share = STEPS / STEPS[-1]
    likeness = {}
    for dimension in (16, 1024):
        found = []
        for seed in range(5):
            walk = random_walk(even(STEPS), np.random.default_rng(seed), dimension)
            found += [abs(np.corrcoef(walk[:, 0], np.cos(np.pi * share))[0, 1])]
        likeness[dimension] = np.mean(found)
    assert likeness[1024] > 0.995
    assert likeness[1024] > likeness[16]


@pytest.mark.parametrize("clock", [even, slowing, in_bursts])
def test_clocks_run_from_zero_to_one(clock) -> None:
    time = clock(STEPS)
    assert time[[0, -1]] == pytest.approx([0, 1])
    assert (np.diff(time) >= 0).all()


def test_a_disturbance_has_the_size_that_it_is_said_to_have() -> None:
    path = PLANTED["turns back"](STEPS, 3_000.0)
    added = disturbed(path, 0.2, STEPS, np.random.default_rng(0)) - path
    size = np.linalg.norm(path - path.mean(axis=0))
    assert np.linalg.norm(added - added.mean(axis=0)) == pytest.approx(0.2 * size)
