"""Developmental stages from the plateaus of the local learning coefficient (LLC) over training.

`development.llc_curve` smooths the LLC in u = log(1 + t); stages end where its slope vanishes.
Source: Hoogland et al. (2024), Appendix A.5 and D.1.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from stagewise.development.layout import MILESTONES, OF_RUN
from stagewise.development.llc_curve import fit_llc_curve
from stagewise.development.settings import StageSettings

MILESTONE_COLUMNS = [name for name in MILESTONES.columns if name not in OF_RUN]


class Found(NamedTuple):
    """Stages of a training run, the milestones between them and the curve that both are read from."""

    stages: pd.DataFrame
    milestones: pd.DataFrame
    curve: xr.Dataset


def find_stages(
    steps: np.ndarray,
    llc: np.ndarray,
    stderr: np.ndarray,
    settings: StageSettings | None = None,
    *,
    seed: int = 0,
    chains: np.ndarray | None = None,
) -> Found:
    """Divide training into stages at the plateaus of the LLC.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative; training ends at the last one.
    llc, stderr : ndarray, shape (T,)
        Estimates at these steps and their standard errors, see `fit_llc_curve`.
    settings : StageSettings, optional
        Smoothing and thresholds; the defaults if not given.
    seed : int
        Seed of the posterior draws behind intervals and probabilities.
    chains : ndarray, shape (C, T), optional
        Estimates of chains that met the same noise at every checkpoint, see `fit_llc_curve`.

    Returns
    -------
    Found
        ``stages`` (see `stages_from_milestones`), ``milestones`` (see `find_milestones`) and
        ``curve`` (see `fit_llc_curve`).

    Raises
    ------
    ValueError
        As `fit_llc_curve`.

    Examples
    --------
    An LLC that rises to 8 around step 100 and falls to 4 around step 5,000:

    >>> import numpy as np
    >>> from stagewise import find_stages
    >>> steps = np.unique(np.geomspace(1, 50_000, 60).astype(int))
    >>> level = np.log1p(steps)
    >>> llc = 8 / (1 + np.exp(-4 * (level - 4.6))) - 4 / (1 + np.exp(-4 * (level - 8.5)))
    >>> found = find_stages(steps, llc, stderr=np.full(len(steps), 0.1))
    >>> found.stages["type"].tolist()
    ['A', 'B']
    """
    settings = settings or StageSettings()
    curve = fit_llc_curve(steps, llc, stderr, settings, seed, chains)
    milestones = find_milestones(curve, settings)
    return Found(stages_from_milestones(milestones, curve, int(steps[-1])), milestones, curve)


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
        One row a milestone in order of time. ``step``, ``log_step`` (u = log(1 + step));
        ``kind`` is 'plateau' for a zero crossing of the slope and 'near-plateau' for a local
        minimum of |slope| between two stages of one type; ``llc`` the smoothed LLC;
        ``interval_low`` and ``interval_high`` the central 95 % in steps over the posterior
        draws that have the milestone; ``probability`` the share of draws that have it;
        ``p_value`` how often noise alone, on a curve without the milestone, makes one as
        pronounced, at most `StageSettings.max_p`. The intervals allow for the noise, not for a
        true curve with events shorter than the fitted length scale.
    """
    grid, slope = curve["grid"].to_numpy(), curve["slope"].to_numpy()
    draws = curve["slope_draws"].to_numpy()
    level = curve["mean"].to_numpy()
    noise = curve["noise_draws"].to_numpy()
    turns = _turning_points(grid, slope, level, draws, noise, settings)
    edges = [0, *turns, grid.size - 1]
    turn_p = {
        place: max(_chance(noise, level, edges, flank) for flank in (number, number + 1))
        for number, place in enumerate(turns)
    }
    pauses = dict(
        pause
        for start, end in pairwise(edges)
        for pause in _pauses(start, end, grid, slope, draws, noise, settings)
    )
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
                turn_p[place] if place in turns else pauses[place],
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
        }
    )


def _turning_points(
    grid: np.ndarray,
    slope: np.ndarray,
    level: np.ndarray,
    draws: np.ndarray,
    noise: np.ndarray,
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
            chances = [_chance(noise, level, edges, flank) for flank in range(edges.size - 1)]
            weakest = int(np.argmax(chances))
            if chances[weakest] <= _largest_chance(noise, settings):
                break
        del turns[max(weakest - 1, 0) : weakest + 1]
    return turns


def _largest_chance(noise: np.ndarray, settings: StageSettings) -> float:
    """Largest p-value of a milestone: with few draws, that of none as pronounced."""
    return max(settings.max_p, 1 / (1 + len(noise)))


def _chance(
    noise: np.ndarray, level: np.ndarray, edges: Sequence[int] | np.ndarray, flank: int
) -> float:
    """How often noise on a flat curve rises or falls as much as a flank, on it or on its neighbours.

    Flat is the worst of the curves without the flank: where the true curve goes the other way, noise
    turns it less often.
    """
    change = level[edges[flank + 1]] - level[edges[flank]]
    start, end = edges[max(flank - 1, 0)], edges[min(flank + 2, len(edges) - 1)]
    part = np.sign(change) * noise[:, start : end + 1]
    largest = (part - np.minimum.accumulate(part, axis=1)).max(axis=1)
    return float((1 + (largest >= abs(change)).sum()) / (1 + len(noise)))


def _dip_chance(noise: np.ndarray, grid: np.ndarray, start: int, end: int, depth: float) -> float:
    """How often the slope of noise dips by a depth between two humps of a stretch of the curve."""
    rate = np.gradient(noise, grid, axis=1)[:, start : end + 1]
    before = np.maximum.accumulate(rate, axis=1)
    after = np.maximum.accumulate(rate[:, ::-1], axis=1)[:, ::-1]
    deepest = (np.minimum(before, after) - rate).max(axis=1)
    return float((1 + (deepest >= depth).sum()) / (1 + len(noise)))


def _pauses(
    start: int,
    end: int,
    grid: np.ndarray,
    slope: np.ndarray,
    draws: np.ndarray,
    noise: np.ndarray,
    settings: StageSettings,
) -> list[tuple[int, float]]:
    """Near plateaus of one rise or fall, which come out again on both sides, each with its chance."""
    limit = settings.tolerance * np.abs(slope).max()
    direction = np.sign(slope[start : end + 1].sum())
    signed, signed_draws = direction * slope, direction * draws
    # The runs in which the curve moves; what separates two of them is a pause.
    moving = np.flatnonzero(signed[start : end + 1] > limit) + start
    runs = np.split(moving, np.flatnonzero(np.diff(moving) > 1) + 1)
    found: list[tuple[int, float]] = []
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
        depth = min(signed[top] for top in tops) - signed[dip]
        chance = _dip_chance(noise, grid, int(before[0]), int(after[-1]), float(depth))
        if all(rises) and chance <= _largest_chance(noise, settings):
            found.append((dip, chance))
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
