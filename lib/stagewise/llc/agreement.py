"""How two LLC curves of one run compare: in the order of checkpoints, in shape and in roughness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from stagewise.llc.layout import AGREEMENT

NUM_RESAMPLES = 2000
TAIL = 0.05


@dataclass(frozen=True)
class OrderAgreement:
    """Whether two curves order the checkpoints alike.

    Parameters
    ----------
    correlation : float
        Spearman's rank correlation of the estimates; NaN if fewer than two checkpoints are left or
        one of the curves is constant.
    low : float
        The correlation that 5 % of resampled curves stay below.
    high : float
        As far above `correlation` as `low` is below, and at most 1.
    num_checkpoints : int
        Checkpoints that were compared.
    """

    correlation: float
    low: float
    high: float
    num_checkpoints: int


@dataclass(frozen=True)
class ShapeAgreement:
    """Whether two curves have the same shape, and which is rougher.

    Parameters
    ----------
    roughness_ratio : float
        Sum of squared second differences over checkpoints of the first curve, by that of the second.
    correlation : float
        Pearson's correlation of the estimates.
    num_checkpoints : int
        Checkpoints that were compared. With fewer than three, or a flat curve, both are NaN.
    """

    roughness_ratio: float
    correlation: float
    num_checkpoints: int


def compare_order(first: xr.Dataset, second: xr.Dataset, seed: int) -> OrderAgreement:
    """Return the rank correlation of two curves with its uncertainty.

    Parameters
    ----------
    first, second : xarray.Dataset
        Layout `llc.layout.LLC`. Checkpoints where either lacks an estimate or its error, or has a
        verdict other than ok, are left out.
    seed : int
        Seed of the resampling.

    Notes
    -----
    Each curve is drawn anew within its standard errors. A chain meets the same batches and noise at
    every checkpoint, so that its deviations from the mean move together along training: one normal
    factor a chain multiplies them all, which keeps that covariance (a multiplier bootstrap). The
    estimates already contain that error once, so the resampled correlations lie lower than the
    measured one, and `low` errs on the safe side. Reflecting it gives `high` (the basic bootstrap
    interval).
    """
    curves = _sound(first, second)
    means = np.stack([curve["llc_mean"].values for curve in curves])
    count = means.shape[1]
    if count < 2 or not (np.ptp(means, axis=1) > 0).all():
        return OrderAgreement(np.nan, np.nan, np.nan, count)
    rng = np.random.default_rng(seed)
    noise = np.stack([_shared_noise(curve, rng) for curve in curves], axis=1)
    correlation = float(_rank_correlation(means[None])[0])
    low = float(np.nanquantile(_rank_correlation(means + noise), TAIL))
    return OrderAgreement(correlation, low, min(1.0, 2 * correlation - low), count)


def _sound(*curves: xr.Dataset) -> list[xr.Dataset]:
    """Return curves at the steps where all have an estimate, an error and the verdict ok."""
    aligned = xr.align(*(curve.sortby("step") for curve in curves), join="inner")
    kept = np.ones(aligned[0].sizes["step"], dtype=bool)
    for curve in aligned:
        kept &= np.isfinite(curve["llc_mean"].values) & np.isfinite(curve["llc_stderr"].values)
        kept &= curve["verdict"].values == "ok"
    return [curve.isel(step=kept) for curve in aligned]


def _shared_noise(curve: xr.Dataset, rng: np.random.Generator) -> np.ndarray:
    """Draw errors of a curve, shape (resample, checkpoint): standard errors long, one factor a chain."""
    deviations = (curve["llc"] - curve["llc"].mean("chain")).transpose("step", "chain")
    directions = deviations.fillna(0.0).values  # a chain that ran away has no part in the mean
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    factors = rng.standard_normal((NUM_RESAMPLES, directions.shape[1]))
    return factors @ directions.T * curve["llc_stderr"].values


def compare_shape(first: xr.Dataset, second: xr.Dataset) -> ShapeAgreement:
    """Return correlation and ratio of roughness of two curves; see `ShapeAgreement`.

    Parameters
    ----------
    first, second : xarray.Dataset
        ``llc_mean`` along ``step``. Checkpoints where either lacks an estimate are left out.
    """
    pairs = _paired(first, second, ["llc_mean"]).dropna()
    rough = (np.diff(pairs, n=2, axis=0) ** 2).sum(axis=0)
    if len(pairs) < 3 or not rough[1] > 0 or not (pairs.std() > 0).all():
        return ShapeAgreement(np.nan, np.nan, len(pairs))
    correlation = float(np.corrcoef(pairs.to_numpy().T)[0, 1])
    return ShapeAgreement(float(rough[0] / rough[1]), correlation, len(pairs))


def agreement_table(
    run: str, curves: Mapping[str, xr.Dataset], pairs: Sequence[Sequence[str]], seed: int
) -> pd.DataFrame:
    """Compare the curves of a run in pairs.

    Parameters
    ----------
    run : str
    curves : mapping of str to xarray.Dataset
        By sampler setting; layout `llc.layout.LLC`.
    pairs : sequence of (first, second)
        Settings.
    seed : int
        Seed of the resampling.

    Returns
    -------
    pandas.DataFrame
        One row a pair; layout `llc.layout.AGREEMENT`.
    """
    rows = []
    for first, second in pairs:
        order = compare_order(curves[first], curves[second], seed)
        shape = compare_shape(curves[first], curves[second])
        rows.append(
            {
                **{"run": run, "first": first, "second": second},
                "rank_correlation": order.correlation,
                "rank_low": order.low,
                "rank_high": order.high,
                "rank_checkpoints": order.num_checkpoints,
                "roughness_ratio": shape.roughness_ratio,
                "correlation": shape.correlation,
                "checkpoints": shape.num_checkpoints,
            }
        )
    return pd.DataFrame(rows) if rows else AGREEMENT.empty()


def _paired(first: xr.Dataset, second: xr.Dataset, names: list[str]) -> pd.DataFrame:
    """Return variables of both curves at their common steps, named ``<name>_1`` and ``<name>_2``."""
    columns = {
        f"{name}_{number}": curve[name].to_series()
        for number, curve in enumerate((first, second), start=1)
        for name in names
    }
    return pd.concat(columns, axis=1, join="inner").sort_index()


def _rank_correlation(pairs: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each pair of rows, shape (..., 2, checkpoint) to (...)."""
    ranks = rankdata(pairs, axis=-1)
    ranks -= ranks.mean(axis=-1, keepdims=True)
    product = (ranks[..., 0, :] * ranks[..., 1, :]).sum(-1)
    return product / np.sqrt((ranks**2).sum(-1).prod(-1))
