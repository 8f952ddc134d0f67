"""Comparisons of two curves against scipy, closed forms and what must not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

from stagewise.llc.agreement import agreement_table, compare_order, compare_shape
from stagewise.llc.layout import AGREEMENT

STEPS = np.arange(30)
RNG = np.random.default_rng(1)
ONE, TWO = RNG.standard_normal((2, 30))


def curve(
    llc: np.ndarray,
    error: float = 0.1,
    sound: np.ndarray | None = None,
    chains: np.ndarray | None = None,
) -> xr.Dataset:
    """Return a curve of eight chains; without them, each estimate has noise of its own."""
    llc = np.asarray(llc, dtype=float)
    if chains is None:
        chains = llc[:, None] + np.random.default_rng(2).standard_normal((len(llc), 8))
    sound = np.ones(len(llc), bool) if sound is None else sound
    return xr.Dataset(
        {
            "llc": (("step", "chain"), chains),
            "llc_mean": ("step", llc),
            "llc_stderr": ("step", np.full(len(llc), error)),
            "verdict": ("step", np.where(sound, "ok", "saturated")),
        },
        coords={"step": np.arange(len(llc))},
    )


def test_rank_correlation_is_spearmans() -> None:
    tied = ONE.round()
    for first in (ONE, tied):
        found = compare_order(curve(first), curve(TWO), seed=0)
        assert found.correlation == pytest.approx(spearmanr(first, TWO).statistic)
        assert found.num_checkpoints == 30


def test_bounds_follow_the_errors() -> None:
    exact = compare_order(curve(ONE, 0.0), curve(ONE**3, 0.0), seed=0)
    assert (exact.correlation, exact.low, exact.high) == pytest.approx((1, 1, 1))
    lows = [compare_order(curve(ONE, e), curve(ONE, e), seed=0).low for e in (0.01, 0.1, 1.0)]
    assert lows[0] > lows[1] > lows[2]
    again = compare_order(curve(ONE, 1.0), curve(ONE, 1.0), seed=0)
    assert again.low == lows[2]
    middling = compare_order(curve(ONE, 0.1), curve(ONE + TWO, 0.1), seed=0)
    assert middling.high - middling.correlation == pytest.approx(
        middling.correlation - middling.low
    )


def test_the_low_bound_errs_on_the_safe_side() -> None:
    """Errors lower the correlation of two curves of one order, and resampling lowers it once more."""
    truth = np.linspace(0, 3, 30)
    found = [
        compare_order(curve(truth + noise[0], 0.5), curve(truth + noise[1], 0.5), seed=seed)
        for seed, noise in enumerate(0.5 * np.random.default_rng(7).standard_normal((20, 2, 30)))
    ]
    assert all(one.low < one.correlation <= 1 for one in found)


def test_noise_common_to_all_checkpoints_keeps_their_order() -> None:
    """Chains that shift the whole curve change no order; chains that each deviate alone do."""
    truth = np.linspace(0, 3, 30)
    shifts = np.random.default_rng(3).standard_normal(8)
    common = curve(truth, 0.5, chains=truth[:, None] + shifts)
    own = curve(truth, 0.5)
    assert compare_order(common, common, seed=0).low == pytest.approx(1.0)
    assert compare_order(own, own, seed=0).low < 0.9


def test_bounds_hold_the_share_they_say() -> None:
    """In curves of one true order, whose errors are those stated, 5 % at most lie below the bound."""
    rng, truth, below = np.random.default_rng(5), np.linspace(0, 3, 30), 0
    for seed in range(40):
        pair = []
        for _ in range(2):
            chains = truth[:, None] + rng.standard_normal(8) + rng.standard_normal((30, 8))
            error = chains.std(1, ddof=1) / 8**0.5
            made = curve(chains.mean(1), chains=chains)
            pair.append(made.assign(llc_stderr=("step", error)))
        found = compare_order(*pair, seed=seed)
        fresh = [
            truth + rng.standard_normal() / 8**0.5 + rng.standard_normal(30) / 8**0.5 for _ in "12"
        ]
        below += spearmanr(*fresh).statistic < found.low
    assert below <= 4  # a binomial count of 40 at 5 % exceeds 4 in 5 % of cases


def test_what_cannot_be_compared_is_left_out() -> None:
    first = curve(ONE, sound=STEPS >= 5)
    second = curve(TWO)
    second["llc_mean"][10:12] = np.nan
    second["llc_stderr"][12:14] = np.nan
    kept = np.r_[5:10, 14:30]
    for pair in ((first, second), (first, second.isel(step=slice(None, None, -1)))):
        found = compare_order(*pair, seed=0)
        assert found.num_checkpoints == kept.size
        assert found.correlation == pytest.approx(spearmanr(ONE[kept], TWO[kept]).statistic)
    shape = compare_shape(first, second)
    assert shape.num_checkpoints == 28  # unsound ones have a shape, those without estimate none


@pytest.mark.parametrize("llc", [np.ones(30), np.full(30, np.nan), ONE[:1]])
def test_curves_without_an_order_or_shape(llc: np.ndarray) -> None:
    order, shape = (
        compare_order(curve(ONE), curve(llc), seed=0),
        compare_shape(curve(ONE), curve(llc)),
    )
    assert np.isnan([order.correlation, order.low, order.high]).all()
    assert np.isnan([shape.correlation, shape.roughness_ratio]).all()


def test_roughness_ignores_a_trend() -> None:
    bumps = np.zeros(30)
    bumps[10], bumps[20] = 1.0, -1.0
    found = compare_shape(curve(3 * STEPS + bumps), curve(-5 * STEPS + 2 * bumps))
    assert found.roughness_ratio == pytest.approx(0.25)
    assert found.correlation < -0.99


def test_a_table_keeps_what_was_compared(tmp_path: Path) -> None:
    curves = {"local": curve(ONE), "fresh": curve(TWO)}
    AGREEMENT.write(
        tmp_path / "agreement.csv", agreement_table("base-s0", curves, [["local", "fresh"]], seed=0)
    )
    row = AGREEMENT.read(tmp_path / "agreement.csv").iloc[0]
    order, shape = compare_order(*curves.values(), seed=0), compare_shape(*curves.values())
    assert row[["run", "first", "second"]].tolist() == ["base-s0", "local", "fresh"]
    assert row[["rank_correlation", "rank_low", "rank_high", "rank_checkpoints"]].tolist() == [
        *(order.correlation, order.low, order.high, order.num_checkpoints)
    ]
    assert row[["roughness_ratio", "correlation"]].tolist() == [
        *(shape.roughness_ratio, shape.correlation)
    ]


def test_a_run_without_pairs_has_a_table_without_rows(tmp_path: Path) -> None:
    AGREEMENT.write(tmp_path / "agreement.csv", agreement_table("base-s0", {}, [], seed=0))
    assert AGREEMENT.read(tmp_path / "agreement.csv").empty
