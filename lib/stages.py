"""Developmental stages from the plateaus of the local learning coefficient (LLC) over training.

A Gaussian process smooths the LLC in u = log(1 + t); stages end where its slope vanishes.
Source: Hoogland et al. (2024), Appendix A.5 and D.1.4.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

MILESTONE_COLUMNS = [
    "step",
    "log_step",
    "kind",
    "llc",
    "interval_low",
    "interval_high",
    "probability",
]
STAGE_COLUMNS = ["stage", "start", "end", "type", "llc_start", "llc_end", "llc_change"]


@dataclass(frozen=True)
class StageSettings:
    """Smoothing and thresholds of the stage boundaries.

    Attributes
    ----------
    length_scale_bounds
        Bounds of the length scale of the Gaussian process, in u = log(1 + t). The lower bound is
        the smoothing that noise cannot undo; the upper one keeps a long quiet stretch from
        smoothing away a short event elsewhere, as one length scale serves the whole curve.
    tolerance
        A local minimum of |slope| is a near plateau when it lies below this share of the largest
        |slope| and the slope rises above the share on both sides.
    significance
        Least change of the LLC between neighbouring zero crossings (or an end), in posterior
        standard deviations of that change. Without it every flat stretch, the start of log time
        and the ends, where the slope is least certain, would be cut to pieces.
    pause_significance
        Least height of |slope| above a near plateau on either side, in posterior standard
        deviations of that height.
    min_change
        Least change of the LLC between neighbouring zero crossings (or an end), as a share of the
        range of the smoothed LLC.
    num_draws, grid_points
        Posterior draws, and points of the even grid in u.
    match_width
        A draw has a milestone when one lies within this distance in u.
    estimate_noise
        Fit scatter between checkpoints beyond the given standard errors.
    """

    length_scale_bounds: tuple[float, float] = (0.2, 1.0)
    tolerance: float = 0.1
    significance: float = 3.0
    pause_significance: float = 2.0
    min_change: float = 0.01
    num_draws: int = 200
    grid_points: int = 400
    match_width: float = 0.5
    estimate_noise: bool = True

    def __post_init__(self) -> None:
        low, high = self.length_scale_bounds
        if not 0 < low < high:
            raise ValueError(f"length_scale_bounds must be 0 < low < high, got ({low}, {high})")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance is a share in (0, 1), got {self.tolerance}")
        if self.num_draws < 2 or self.grid_points < 10:
            raise ValueError("num_draws must be at least 2 and grid_points at least 10")
        if not self.match_width > 0:
            raise ValueError(f"match_width must be positive, got {self.match_width}")


def fit_llc_curve(
    steps: np.ndarray, llc: np.ndarray, stderr: np.ndarray, settings: StageSettings, seed: int
) -> xr.Dataset:
    """Smooth the LLC over training with a Gaussian process.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative.
    llc, stderr : ndarray, shape (T,)
        Estimates and their standard errors. Checkpoints whose estimate is NaN (diverged chains) are
        left out. A standard error that is missing, zero or negative is replaced by the median of
        the known ones; if none is known the noise is estimated from the scatter.
    settings : StageSettings
        Smoothing.
    seed : int
        Seed of the posterior draws.

    Returns
    -------
    xarray.Dataset
        Over an even ``grid`` in u = log(1 + t), with coordinate ``step``: posterior ``mean`` and
        ``sd``, ``slope`` and ``slope_sd``, ``slope_draws (draw, grid)``. The slope is d llc / d u,
        which is d llc / d log t times (1 + 1/t): without that factor, which tends to zero with t,
        the initial point would always look like a plateau. Attributes: ``length_scale``,
        ``noise_sd``, ``num_used``, ``num_left_out``, ``num_stderr_replaced`` and ``bounds_hit``,
        the names of the hyperparameters that ended at a bound.

    Raises
    ------
    ValueError
        If the shapes disagree, the steps do not increase or fewer than five estimates are finite.
    """
    steps, llc, stderr = (np.asarray(values, dtype=float) for values in (steps, llc, stderr))
    if not steps.shape == llc.shape == stderr.shape or steps.ndim != 1:
        raise ValueError(
            f"steps, llc and stderr differ in shape: {steps.shape}, {llc.shape}, {stderr.shape}"
        )
    used = np.isfinite(llc)
    if used.sum() < 5:
        raise ValueError(
            f"only {used.sum()} checkpoints have a finite LLC; five are needed to find stages"
        )
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must increase and must not be negative")
    u, values, errors = np.log1p(steps[used]), llc[used], stderr[used]
    known = np.isfinite(errors) & (errors > 0)
    usual = np.median(errors[known]) if known.any() else 0.0
    errors = np.where(known, errors, usual)
    centre, scale = values.mean(), values.std()
    scale = scale if scale > 0 else 1.0
    # 1e-8 keeps the covariance matrix positive definite where a standard error is negligible.
    alpha = (errors / scale) ** 2 + 1e-8
    kernel = ConstantKernel(1.0, (1e-4, 1e3)) * RBF(
        np.clip(1.0, *settings.length_scale_bounds), settings.length_scale_bounds
    )
    if settings.estimate_noise or not known.any():
        kernel = kernel + WhiteKernel(1e-2, (1e-8, 4.0))
    model = GaussianProcessRegressor(kernel, alpha=alpha, normalize_y=False)
    with warnings.catch_warnings():
        # A hyperparameter at its bound is expected (no excess noise, smoothing limit) and reported.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(u[:, None], (values - centre) / scale)
    fitted = model.kernel_
    noise = fitted.k2.noise_level if isinstance(fitted.k2, WhiteKernel) else 0.0
    signal = fitted.k1 if isinstance(fitted.k2, WhiteKernel) else fitted

    grid = np.linspace(u[0], u[-1], settings.grid_points)
    mean = model.predict(grid[:, None])
    # The posterior of the smooth part alone: excess noise is scatter, not shape.
    cross = signal(u[:, None], grid[:, None])
    solved = np.linalg.solve(model.L_, cross)
    covariance = signal(grid[:, None]) - solved.T @ solved
    eigenvalues, modes = np.linalg.eigh(covariance)
    root = modes * np.sqrt(np.maximum(eigenvalues, 0.0))
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((settings.num_draws, grid.size)) @ root.T
    slope_root = np.gradient(root, grid, axis=0)
    slope = np.gradient(mean, grid)

    curve = xr.Dataset(
        {
            "mean": ("grid", centre + scale * mean),
            "sd": ("grid", scale * np.linalg.norm(root, axis=1)),
            "slope": ("grid", scale * slope),
            "slope_sd": ("grid", scale * np.linalg.norm(slope_root, axis=1)),
            "slope_draws": (
                ("draw", "grid"),
                scale * (slope + np.gradient(draws, grid, axis=1)),
            ),
        },
        coords={"grid": grid, "step": ("grid", np.expm1(grid))},
        attrs={
            "length_scale": float(signal.k2.length_scale),
            "noise_sd": float(scale * np.sqrt(noise)),
            "num_used": int(used.sum()),
            "num_left_out": int((~used).sum()),
            "num_stderr_replaced": int((~known).sum()),
            "bounds_hit": _bounds_hit(model),
        },
    )
    labels = {
        "mean": ("1", "smoothed LLC"),
        "sd": ("1", "posterior standard deviation of the LLC"),
        "slope": ("1", "slope of the LLC in log(1 + step)"),
        "slope_sd": ("1", "posterior standard deviation of the slope"),
        "slope_draws": ("1", "posterior draws of the slope"),
        "grid": ("1", "log(1 + step)"),
        "step": ("step", "training step"),
    }
    for name, (units, long_name) in labels.items():
        curve[name].attrs.update(units=units, long_name=long_name)
    return curve


def find_milestones(curve: xr.Dataset, settings: StageSettings) -> pd.DataFrame:
    """Boundaries between stages: where the LLC turns or pauses.

    Parameters
    ----------
    curve : xarray.Dataset
        Result of `fit_llc_curve`.
    settings : StageSettings
        Thresholds.

    Returns
    -------
    pandas.DataFrame
        One row a milestone in order of time. ``step``, ``log_step`` (u = log(1 + step)); ``kind``
        is 'plateau' for a zero crossing of the slope and 'near-plateau' for a local minimum of
        |slope| between two stages of one type; ``llc`` the smoothed LLC; ``interval_low`` and
        ``interval_high`` the central 95 % in steps over the posterior draws that have the
        milestone; ``probability`` the share of draws that have it. The intervals allow for the
        noise, not for a true curve with events shorter than the fitted length scale.
    """
    grid, slope = curve["grid"].to_numpy(), curve["slope"].to_numpy()
    draws = curve["slope_draws"].to_numpy()
    level = curve["mean"].to_numpy()
    turns = _turning_points(grid, slope, level, draws, settings)
    edges = [0, *turns, grid.size - 1]
    pauses = [
        dip
        for start, end in pairwise(edges)
        for dip in _pauses(start, end, grid, slope, draws, settings)
    ]
    rows = []
    for place in sorted([*turns, *pauses]):
        kind = "plateau" if place in turns else "near-plateau"
        position = _refine(place, grid, slope) if place in turns else float(grid[place])
        matches = _matches(place, kind, grid, slope, draws, settings)
        bounds = (np.nan, np.nan)
        if matches.size:
            bounds = tuple(np.expm1(np.quantile(matches, [0.025, 0.975])))
        rows.append(
            (
                float(np.expm1(position)),
                position,
                kind,
                float(np.interp(position, grid, level)),
                *(float(bound) for bound in bounds),
                matches.size / len(draws),
            )
        )
    frame = pd.DataFrame(rows, columns=MILESTONE_COLUMNS)
    return frame.astype({name: float for name in MILESTONE_COLUMNS if name != "kind"})


def stages_from_milestones(
    milestones: pd.DataFrame, curve: xr.Dataset, num_steps: float
) -> pd.DataFrame:
    """Stages between milestones.

    Parameters
    ----------
    milestones : pandas.DataFrame
        Result of `find_milestones`; may be empty.
    curve : xarray.Dataset
        Result of `fit_llc_curve`.
    num_steps : float
        Last optimiser step.

    Returns
    -------
    pandas.DataFrame
        ``stage`` (from 1), ``start`` and ``end`` in steps, ``type`` ('A' if the smoothed LLC rises
        from start to end, 'B' if it falls), ``llc_start``, ``llc_end``, ``llc_change``. The first
        stage starts at 0 and the last one ends at `num_steps`.

    Raises
    ------
    ValueError
        If a milestone lies outside (0, num_steps).
    """
    inner = milestones["step"].to_numpy(dtype=float)
    if inner.size and not (inner.min() > 0 and inner.max() < num_steps):
        raise ValueError(f"milestones must lie between 0 and num_steps = {num_steps}: {inner}")
    edges = np.array([0.0, *inner, float(num_steps)])
    level = np.interp(np.log1p(edges), curve["grid"], curve["mean"])
    change = np.diff(level)
    return pd.DataFrame(
        {
            "stage": np.arange(1, edges.size),
            "start": edges[:-1],
            "end": edges[1:],
            "type": np.where(change > 0, "A", "B"),
            "llc_start": level[:-1],
            "llc_end": level[1:],
            "llc_change": change,
        },
        columns=STAGE_COLUMNS,
    )


def slope_of(steps: np.ndarray, values: np.ndarray) -> xr.Dataset:
    """Time derivatives of a metric by central differences on the checkpoint grid.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative, at least three.
    values : ndarray, shape (T,)
        The metric; NaN spreads to the neighbours.

    Returns
    -------
    xarray.Dataset
        Over ``step``: ``d_dt`` (units of the metric a step), ``d_dlogt`` (units of the metric) and
        ``dlog_dlogt`` (dimensionless). Second order at inner points of an uneven grid, one-sided at
        the ends. The logarithmic ones are NaN at step 0, the last also where the metric is not
        positive.

    Raises
    ------
    ValueError
        If the shapes disagree, there are fewer than three steps or they do not increase.
    """
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if steps.ndim != 1 or steps.shape != values.shape or steps.size < 3:
        raise ValueError(
            f"slopes need steps and values of one length, at least 3; got {steps.shape} and "
            f"{values.shape}"
        )
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must increase and must not be negative")
    later = steps > 0
    log_steps = np.log(steps, out=np.full_like(steps, np.nan), where=later)
    log_values = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
    by_log, log_by_log = np.full_like(values, np.nan), np.full_like(values, np.nan)
    if later.sum() > 1:
        by_log[later] = np.gradient(values[later], log_steps[later])
        log_by_log[later] = np.gradient(log_values[later], log_steps[later])
    return xr.Dataset(
        {
            "d_dt": ("step", np.gradient(values, steps)),
            "d_dlogt": ("step", by_log),
            "dlog_dlogt": ("step", log_by_log),
        },
        coords={"step": steps},
    )


def _bounds_hit(model: GaussianProcessRegressor) -> str:
    """Names of the hyperparameters whose estimate lies at a bound, separated by commas."""
    theta, bounds = model.kernel_.theta, model.kernel_.bounds
    names = [parameter.name for parameter in model.kernel_.hyperparameters]
    at_bound = np.isclose(theta[:, None], bounds, atol=1e-3).any(axis=1)
    return ", ".join(name for name, hit in zip(names, at_bound, strict=True) if hit)


def _turning_points(
    grid: np.ndarray,
    slope: np.ndarray,
    level: np.ndarray,
    draws: np.ndarray,
    settings: StageSettings,
) -> list[int]:
    """Zero crossings of the slope that survive removal of the insignificant rises and falls.

    The turning points cut the curve into rises and falls. The least significant of them is undone,
    with both its turning points (one, at an end), until every one that remains is significant.
    """
    turns = (np.flatnonzero(slope[:-1] * slope[1:] <= 0) + 1).tolist()
    heights = _heights(grid, draws)
    least = settings.min_change * np.ptp(level)
    while turns:
        edges = np.array([0, *turns, grid.size - 1])
        change = np.abs(np.diff(level[edges]))
        spread = np.diff(heights[:, edges], axis=1).std(axis=0, ddof=1)
        # Weakest first, in units of what it would have to be.
        needed = np.maximum(np.maximum(settings.significance * spread, least), 1e-12)
        weakest = int((change / needed).argmin())
        if change[weakest] >= needed[weakest]:
            break
        del turns[max(weakest - 1, 0) : weakest + 1]
    return turns


def _pauses(
    start: int,
    end: int,
    grid: np.ndarray,
    slope: np.ndarray,
    draws: np.ndarray,
    settings: StageSettings,
) -> list[int]:
    """Near plateaus of one rise or fall: dips of the slope that come out again on both sides."""
    limit = settings.tolerance * np.abs(slope).max()
    direction = np.sign(slope[start : end + 1].sum())
    signed, signed_draws = direction * slope, direction * draws
    # The runs in which the curve moves; what separates two of them is a pause.
    moving = np.flatnonzero(signed[start : end + 1] > limit) + start
    runs = np.split(moving, np.flatnonzero(np.diff(moving) > 1) + 1)
    found: list[int] = []
    for before, after in pairwise(runs):
        between = np.arange(before[-1], after[0] + 1)
        dip = int(between[signed[between].argmin()])
        # Both humps must stand above the dip by more than the posterior leaves open.
        tops = [int(run[signed[run].argmax()]) for run in (before, after)]
        rises = [
            signed[top] - signed[dip]
            >= settings.pause_significance
            * (signed_draws[:, top] - signed_draws[:, dip]).std(ddof=1)
            for top in tops
        ]
        if all(rises):
            found.append(dip)
    return found


def _refine(place: int, grid: np.ndarray, slope: np.ndarray) -> float:
    """Where the slope crosses zero between a grid point and the one before it, by interpolation."""
    s0, s1 = slope[place - 1], slope[place]
    share = 0.5 if s0 == s1 else s0 / (s0 - s1)
    return float(grid[place - 1] + share * (grid[place] - grid[place - 1]))


def _matches(
    place: int,
    kind: str,
    grid: np.ndarray,
    slope: np.ndarray,
    draws: np.ndarray,
    settings: StageSettings,
) -> np.ndarray:
    """Positions in u of a milestone in the draws that have it.

    A plateau of a draw is the extremum of its LLC within the match width, a near plateau the
    minimum of its slope there, whichever way it is reached; an extremum at the edge of the window
    is none.
    """
    window = np.flatnonzero(np.abs(grid - grid[place]) <= settings.match_width)
    rates = draws[:, window]
    if kind == "plateau":
        sign = np.sign(slope[place - 1] - slope[min(place + 1, slope.size - 1)])
        target = -sign * _heights(grid[window], rates)
    else:
        target = np.sign(slope[window].sum()) * rates
    lowest = target.argmin(axis=1)
    inside = (lowest > 0) & (lowest < window.size - 1)
    if kind == "near-plateau":
        inside &= target.min(axis=1) < settings.tolerance * np.abs(draws).max(axis=1)
    # A parabola through the lowest point and its neighbours places it between the grid points.
    rows, centre = np.flatnonzero(inside), lowest[inside]
    left, middle, right = (target[rows, centre + k] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=bend > 0)
    return grid[window[centre]] + shift * (grid[1] - grid[0])


def _heights(grid: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Level of each draw relative to its start: the integral of its slope."""
    steps = 0.5 * (rates[:, 1:] + rates[:, :-1]) * np.diff(grid)
    return np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0)))
