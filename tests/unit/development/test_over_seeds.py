from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stagewise.development.over_seeds import milestones_over_seeds

KINDS = {"AAB": ["near-plateau", "plateau"], "AB": ["plateau"], "A": []}


def seed_with(sequence: str, places: np.ndarray | list[float]) -> pd.DataFrame:
    return pd.DataFrame({"log_step": places, "kind": KINDS[sequence]})


def test_seeds_with_the_same_stages_are_matched_by_order() -> None:
    tables = [
        seed_with("AB", [8.0]),
        seed_with("AAB", [6.0, 8.0]),
        seed_with("AAB", [6.2, 8.4]),
        seed_with("A", []),
    ]
    found = milestones_over_seeds(tables, ["AB", "AAB", "AAB", "A"])
    assert found["sequence"].tolist() == ["AAB", "AAB", "AB"]
    assert found["kind"].tolist() == ["near-plateau", "plateau", "plateau"]
    assert found["num_seeds"].tolist() == [2, 2, 1]
    np.testing.assert_allclose(found["log_step"], [6.1, 8.2, 8.0])
    # Two values: the mean, and 12.706 times half their distance to either side.
    np.testing.assert_allclose(np.log1p(found["interval_high"][:2]), [7.3706, 10.7412], atol=1e-3)
    assert found["interval_low"].isna().tolist() == [False, False, True]


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_intervals_cover_where_seeds_have_a_milestone_on_average(num_seeds: int) -> None:
    """Seeds differ by 0.2 in log step, and each place is known to 0.1 or to 0.3, as its curve allows."""
    rng = np.random.default_rng(num_seeds)
    truth = np.linspace(6, 9, 1000)
    places = truth + 0.2 * rng.standard_normal((num_seeds, truth.size))
    places += rng.choice([0.1, 0.3], (num_seeds, 1)) * rng.standard_normal(places.shape)
    sequence = ("AB" * truth.size)[: truth.size + 1]
    tables = [pd.DataFrame({"log_step": own, "kind": "plateau"}) for own in places]
    found = milestones_over_seeds(tables, [sequence] * num_seeds)
    bounds = np.log1p(found[["interval_low", "interval_high"]].to_numpy())
    covered = (bounds[:, 0] <= truth) & (truth <= bounds[:, 1])
    # Of 1,000 intervals 95 %, within three of its standard errors of 0.7 %.
    assert covered.mean() == pytest.approx(0.95, abs=0.02)


def test_milestones_must_belong_to_the_sequence() -> None:
    with pytest.raises(ValueError, match="stages AAB"):
        milestones_over_seeds([seed_with("AB", [8.0])], ["AAB"])
