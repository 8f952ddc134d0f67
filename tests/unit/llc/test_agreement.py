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


def curve(llc: np.ndarray, error: float = 0.1, saturated: np.ndarray | None = None) -> xr.Dataset:
    steps = np.arange(len(llc))
    return xr.Dataset(
        {
            "llc_mean": ("step", np.asarray(llc, dtype=float)),
            "llc_stderr": ("step", np.full(len(llc), error)),
            "saturated": ("step", np.zeros(len(llc), bool) if saturated is None else saturated),
        },
        coords={"step": steps},
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


def test_what_cannot_be_compared_is_left_out() -> None:
    saturated = STEPS < 5
    first = curve(ONE, saturated=saturated)
    second = curve(TWO)
    second["llc_mean"][10:12] = np.nan
    second["llc_stderr"][12:14] = np.nan
    kept = np.r_[5:10, 14:30]
    for pair in ((first, second), (first, second.isel(step=slice(None, None, -1)))):
        found = compare_order(*pair, seed=0)
        assert found.num_checkpoints == kept.size
        assert found.correlation == pytest.approx(spearmanr(ONE[kept], TWO[kept]).statistic)
    shape = compare_shape(first, second)
    assert shape.num_checkpoints == 28  # saturated ones have a shape, those without estimate none


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
