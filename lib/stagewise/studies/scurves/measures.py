"""One row a run: every measure of its curves, for figures and claims."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.studies.scurves.bumps import find_bumps, find_competitions, is_explained
from stagewise.studies.scurves.curves import above_floor, find_phases
from stagewise.studies.scurves.growth import find_growth
from stagewise.studies.scurves.tails import exponential_rate, fit_tail
from stagewise.studies.scurves.thresholds import MeasureSettings

_OF_PHASES = (
    *("num_plateaus", "decay_end", "plateau_end", "level", "half_drop", "drop_steps"),
    "least_rate",
)


def measure_setting(
    dataset: xr.Dataset, settings: MeasureSettings, flow: xr.Dataset | None = None
) -> pd.DataFrame:
    """Measure every run of a setting.

    Parameters
    ----------
    dataset : Dataset
        Layout `scurves.layout.CURVES`.
    settings : MeasureSettings
    flow : Dataset, optional
        Gradient flow of some of the seeds; layout `scurves.layout.FLOW`.

    Returns
    -------
    DataFrame
        Layout `scurves.layout.MEASURES`; a run that diverged has no measures.
    """
    rows = []
    for case in range(dataset.sizes["case"]):
        for index, seed in enumerate(dataset["seed"].to_numpy()):
            run = dataset.isel(case=case, seed=index)
            row: dict[str, Any] = {
                "setting": dataset.attrs["setting"],
                "case": case,
                "learning_rate": float(run["learning_rate"]),
                "weight_decay": float(run["weight_decay"]),
                "rank": int(dataset.attrs["rank"]),
                "num_components": int(dataset.attrs["num_components"]),
                "seed": int(seed),
                "diverged": bool(run["diverged"]),
            }
            if not row["diverged"]:
                row |= _measure_run(run, settings)
                row["flow_deviation"] = _deviation(run, flow, case, int(seed))
            rows.append(row)
    return pd.DataFrame(rows)


def _measure_run(run: xr.Dataset, settings: MeasureSettings) -> dict[str, Any]:
    steps, loss = run["step"].to_numpy(), run["loss"].to_numpy()
    norm = run["norm"].mean(("component", "vector")).to_numpy()
    row: dict[str, Any] = {
        "initial_loss": float(loss[0]),
        "null_loss": float(run["null_loss"]),
        "final_loss": float(loss[-1]),
        "norm_min_step": float(steps[int(np.argmin(norm))]),
        "norm_min_ratio": float(norm.min() / norm[0]),
        "best_cosine": float(run["best_cosine"]),
        "span_angle": float(run["span_angle"]),
        "leading_angle": float(run["leading_angle"]),
    }
    if run.attrs["task"] != "no_self_term":
        row |= _measure_loss(steps, loss, row["null_loss"], settings)
        row |= _measure_targets(run)
        row |= _measure_bumps(run, settings)
    if run.attrs["rank"] == 1 and run.attrs["num_components"] == 2:
        growth = find_growth(
            steps * float(run["learning_rate"]),
            run["aligned"].to_numpy(),
            run["norm"].isel(vector=0).to_numpy(),
        )
        names = ("decay_first", "early_linear", "later_exponential", "levels_off")
        row |= {name: float(getattr(growth, name)) for name in names}
        row["orthogonal_ratio"] = growth.orthogonal_ratio
        row["aligned_start"] = growth.aligned_start
    return row


def _measure_loss(
    steps: np.ndarray, loss: np.ndarray, null_loss: float, settings: MeasureSettings
) -> dict[str, Any]:
    phases = find_phases(steps, loss, null_loss, settings)
    end = above_floor(loss, settings.floor)
    rate, explained = exponential_rate(steps[:end], loss[:end])
    begin = end if np.isnan(phases.half_drop) else max(np.searchsorted(steps, phases.half_drop), 1)
    tail = fit_tail(steps[begin:end], loss[begin:end])
    row: dict[str, Any] = {name: float(getattr(phases, name)) for name in _OF_PHASES}
    row |= {"censored": float(phases.censored)}
    row |= {"plateau_ratio": phases.length_ratio, "plateau_steps": phases.length_steps}
    row |= {"rate": rate, "rate_explained": explained}
    return row | {
        "tail_exponent": tail.exponent,
        "tail_rate": tail.rate,
        "tail_aic_difference": tail.aic_difference,
    }


def _measure_targets(run: xr.Dataset) -> dict[str, float]:
    """Return the median over targets of the flow time at which half a target is captured.

    A target not half captured by the end counts with the end.
    """
    half = run["captured"].to_numpy() >= 0.5
    times = run["step"].to_numpy() * float(run["learning_rate"])
    reached = np.where(half.any(0), times[half.argmax(0)], times[-1])
    return {"target_time": float(np.median(reached)), "target_spread": float(np.ptp(reached))}


def _measure_bumps(run: xr.Dataset, settings: MeasureSettings) -> dict[str, float]:
    """Count bumps until convergence, and which vectors have them and compete."""
    loss = run["loss"].to_numpy()
    end = above_floor(loss, settings.converged_share)
    cosine = run["cosine"].to_numpy()[:end]
    bumps = find_bumps(cosine, settings.bump_prominence)
    rivals = find_competitions(cosine, settings.bump_prominence)
    bumped = {bump.vector for bump in bumps}
    competing = {vector for rivalry in rivals for vector in rivalry.vectors}
    return {
        "converged": float(end < len(loss)),
        "converged_step": float(run["step"].to_numpy()[min(end, len(loss) - 1)]),
        "bumps": float(len(bumps)),
        "explained_bumps": float(sum(is_explained(bump, rivals) for bump in bumps)),
        "vectors": float(run.sizes["vector"]),
        "bumped_vectors": float(len(bumped)),
        "competing_vectors": float(len(competing)),
        "bumped_competing_vectors": float(len(bumped & competing)),
    }


def _deviation(run: xr.Dataset, flow: xr.Dataset | None, case: int, seed: int) -> float:
    """Return the largest difference of loss from the flow, as a share of the first loss."""
    if flow is None or seed not in flow["seed"].to_numpy():
        return float("nan")
    expected = flow["loss"].isel(case=case).sel(seed=seed).to_numpy()
    loss = run["loss"].to_numpy()
    return float(np.abs(loss - expected).max() / loss[0])
