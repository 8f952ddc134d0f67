"""Forms of a developmental trajectory: times at which every pair of PCs turns about one point.

A form is a pair (t_F, o_F): near t_F the plane curve of every pair of principal components has a
vertex or a cusp, and the centres of the osculating circles are the projections of one point o_F.
Source: Hoogland et al. (2024), Definition B.5 and Appendix B.6-B.8.

With three or more components the pairwise conditions together force the velocity of an exact form
to vanish: contact in every pair makes each (PC_i - o_i)^2 flat to third order, so PC_i' = 0. What
is found in data are therefore slow, sharp turns and near-misses; `lift_residual`,
`constraint_value` and `constraint_slope` say how near.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import xarray as xr

from stagewise.development import form_nulls, plane_curves
from stagewise.development.essential_dynamics import smooth
from stagewise.development.layout import FORMS
from stagewise.development.lifts import lift, lifts_at, moments
from stagewise.development.settings import FormSettings


@dataclass(frozen=True)
class _Event:
    """A vertex or cusp of one plane curve."""

    index: int
    log_step: float
    kind: str
    centre: np.ndarray


@dataclass(frozen=True)
class _Form:
    """One event a pair, the point they share and how badly they share it."""

    index: int
    log_step: float
    centre: np.ndarray
    residual: float
    extent: float
    events: tuple[_Event, ...]


def detect_forms(
    scores: np.ndarray,
    steps: np.ndarray,
    settings: FormSettings,
    smoothed: np.ndarray | None = None,
    seed: int = 0,
    lifted: bool = True,
) -> xr.Dataset:
    """Find the forms of a trajectory.

    Parameters
    ----------
    scores : ndarray, shape (T, d)
        Unsmoothed scores of the leading d >= 2 principal components; the potential uses these.
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative.
    settings : FormSettings
        Thresholds.
    smoothed : ndarray, shape (T, d), optional
        Scores the geometry is read from; smoothed as `settings` says if not given.
    seed : int
        Seed of the surrogates.
    lifted : bool
        Whether a lift is tried at all times, of the trajectory and of every random walk.

    Returns
    -------
    xarray.Dataset
        Over ``form`` (in order of time; may have length zero): ``form_step``, ``lift_residual``,
        ``extent``, ``influence_start``, ``influence_end``, ``flatness``, ``p_value``; ``centre``,
        ``constraint_value`` and ``constraint_slope`` over (form, pc); ``potential`` over
        (form, step); ``kind`` and ``pair_step`` over (form, pair); ``smoothed`` over (step, pc).
        ``event_step``, ``event_pair``, ``event_kind`` and ``event_centre`` over ``event`` are all
        vertices and cusps of the planes, from which forms are made; ``null_extent`` over ``walk`` the
        extent of the largest form of each random walk, zero where it has none, and the attribute
        ``null`` says of which. If `lifted`, ``moment_step``, ``moment_residual`` and ``plane_centre``
        are what `development.lifts` finds at times that are even in log(1 + step), ``null_residual``
        over (walk, moment) the same of each random walk, and ``null_smoothed`` the smoothed scores of
        the first.

        ``flatness`` is the path length inside the influence range over that of a straight line
        passing at the same distance: 1 for a straight pass or a reversal at a cusp, larger where
        the trajectory orbits the centre. ``extent`` is the scale of the turn, the least over the
        pairs. ``p_value`` is the share of random walks at the run's own pace (see
        `development.form_nulls`), smoothed and searched in the same way, with a form of at least this
        extent: the extent is the statistic because the lift of a cusp is exact at any scale, and the
        largest of a walk is taken, which corrects for the number of forms that it offers.

    Raises
    ------
    ValueError
        If the shapes disagree, there are fewer than two components or values are not finite.
    """
    scores, steps = _checked(scores, steps)
    if smoothed is None:
        smoothed = smooth(scores, settings.sigma_start, settings.sigma_end)
    elif np.shape(smoothed) != scores.shape:
        raise ValueError(f"smoothed has shape {np.shape(smoothed)}, but scores {scores.shape}")
    log_steps = np.log1p(steps)
    num_pcs = scores.shape[1]
    pairs = [f"{i + 1}-{j + 1}" for i, j in combinations(range(num_pcs), 2)]
    events = _events(smoothed, log_steps, settings)
    found = _find(smoothed, log_steps, settings, events)
    walks = form_nulls.matched_walks(smoothed, settings, seed)
    null = np.array([_largest(walk, log_steps, settings) for walk in walks.scores])

    size = _size(smoothed)
    velocity = np.gradient(smoothed, log_steps, axis=0)
    usual_speed = np.sqrt(
        np.trapezoid((velocity**2).sum(axis=1), log_steps) / (log_steps[-1] - log_steps[0])
    )
    num_forms = len(found)
    potential = np.empty((num_forms, len(steps)))
    limits = np.empty((num_forms, 2), dtype=int)
    flatness = np.empty(num_forms)
    for row, form in enumerate(found):
        potential[row] = ((scores - form.centre) ** 2).sum(axis=1)
        limits[row], flatness[row] = _influence(potential[row], smoothed, form, size, settings)
    indices = np.array([form.index for form in found], dtype=int)
    centres = np.array([form.centre for form in found]).reshape(num_forms, num_pcs)
    extents = np.array([form.extent for form in found])
    kinds = np.array([[event.kind for event in form.events] for form in found], dtype="U6")
    pair_index = np.array([[e.index for e in form.events] for form in found], dtype=int)
    p_value = np.full(num_forms, np.nan)
    if null.size:
        as_large = (null[None, :] >= extents[:, None]).sum(axis=1)
        p_value = (1 + as_large) / (1 + null.size)

    listed = [(pair, event) for pair, here in zip(pairs, events, strict=True) for event in here]
    return FORMS.dataset(
        {
            "form_step": steps[indices],
            "centre": centres,
            "lift_residual": np.array([form.residual for form in found]),
            "extent": extents,
            "constraint_value": np.abs(smoothed[indices] - centres) / size,
            "constraint_slope": np.abs(velocity[indices]) / usual_speed,
            "influence_start": steps[limits[:, 0]],
            "influence_end": steps[limits[:, 1]],
            "flatness": flatness,
            "p_value": p_value,
            "potential": potential,
            "kind": kinds.reshape(num_forms, len(pairs)),
            "pair_step": steps[pair_index.reshape(num_forms, len(pairs))],
            "smoothed": smoothed,
            "event_step": steps[np.array([event.index for _, event in listed], dtype=int)],
            "event_pair": np.array([pair for pair, _ in listed], dtype="U5"),
            "event_kind": np.array([event.kind for _, event in listed], dtype="U6"),
            "event_centre": np.array([event.centre for _, event in listed]).reshape(-1, 2),
            "null_extent": null,
            **(_lifted(smoothed, steps, walks.scores, settings) if lifted else {}),
        },
        coords={
            "form": np.arange(1, num_forms + 1),
            "pc": np.arange(1, num_pcs + 1),
            "step": steps,
            "pair": pairs,
        },
        attributes={
            "trajectory_size": size,
            "null": form_nulls.NAME,
            "pull": walks.pull,
            "min_extent": settings.min_extent,
            "cluster_width": settings.cluster_width,
        },
    )


def _lifted(
    smoothed: np.ndarray, steps: np.ndarray, walks: np.ndarray, settings: FormSettings
) -> dict[str, np.ndarray]:
    """Variables that say how near a trajectory and its walks come to a form at any time."""
    at = moments(np.log1p(steps))
    own, *theirs = (
        lifts_at(at, curve, _size(curve), settings.min_chord) for curve in (smoothed, *walks)
    )
    return {
        "moment_step": steps[at],
        "moment_residual": own.residual,
        "plane_centre": own.centres,
        "null_residual": np.array([one.residual for one in theirs]).reshape(-1, len(at)),
        "null_smoothed": walks[:1],
    }


def _checked(scores: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores, steps = np.asarray(scores, dtype=float), np.asarray(steps)
    if scores.ndim != 2 or scores.shape[1] < 2 or len(scores) < 5:
        raise ValueError(
            f"forms need scores of at least 5 checkpoints and 2 components, got {scores.shape}"
        )
    if steps.shape != (len(scores),) or steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must be one increasing, non-negative number for each checkpoint")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite; leave out the checkpoints that diverged")
    return scores, steps


def _size(points: np.ndarray) -> float:
    return float(np.sqrt(np.var(points, axis=0).sum()))


def _plane_events(
    x: np.ndarray, y: np.ndarray, log_steps: np.ndarray, settings: FormSettings
) -> list[_Event]:
    """Cusps of one plane curve, and the vertices that are not the tip of a cusp."""
    size = plane_curves.curve_size(x, y)
    # A plane in which nothing moves has rounding errors for a curve.
    if size <= 1e-9 * max(np.abs(x).max(), np.abs(y).max()):
        return []
    spacing = settings.min_chord * size
    tips = plane_curves.cusps(x, y, settings.cusp_turn, settings.cusp_speed_ratio, spacing)
    # Lemma B.3: a cusp is the limit of a vertex whose circle shrinks to the singular point.
    events = [_Event(int(t), log_steps[t], "cusp", np.array([x[t], y[t]])) for t in tips]
    kept = plane_curves.coarsen(x, y, spacing)
    if kept.size < 5:
        return events
    turning = plane_curves.vertices(x[kept], y[kept], settings.vertex_prominence)
    centres, _ = plane_curves.osculating_circles(x[kept], y[kept])
    for place in turning:
        t = int(kept[place])
        if not np.isfinite(centres[place]).all():
            continue
        at_tip = np.hypot(x[tips] - x[t], y[tips] - y[t]) < 2 * spacing
        if not np.any(at_tip & (np.abs(log_steps[tips] - log_steps[t]) < settings.cluster_width)):
            events.append(_Event(t, log_steps[t], "vertex", centres[place]))
    return events


def _events(
    smoothed: np.ndarray, log_steps: np.ndarray, settings: FormSettings
) -> list[list[_Event]]:
    """Events of every pair's plane curve."""
    return [
        _plane_events(smoothed[:, i], smoothed[:, j], log_steps, settings)
        for i, j in combinations(range(smoothed.shape[1]), 2)
    ]


def _find(
    smoothed: np.ndarray, log_steps: np.ndarray, settings: FormSettings, events: list[list[_Event]]
) -> list[_Form]:
    """Forms of a smoothed trajectory, the largest first to claim their surroundings."""
    if not all(events):
        return []
    size = _size(smoothed)
    pairs = list(combinations(range(smoothed.shape[1]), 2))
    times = [np.array([event.log_step for event in here]) for here in events]

    candidates: list[_Form] = []
    extents = functools.cache(lambda pair, index: _extent(smoothed[:, list(pair)], index, settings))
    seen: set[tuple[int, ...]] = set()
    for anchor in np.unique(np.concatenate(times)):
        nearest = tuple(int(np.abs(time - anchor).argmin()) for time in times)
        if nearest in seen:
            continue
        seen.add(nearest)
        chosen = tuple(here[k] for here, k in zip(events, nearest, strict=True))
        log_times = [event.log_step for event in chosen]
        if max(log_times) - min(log_times) > settings.cluster_width:
            continue
        centre, residual = lift(pairs, np.array([event.centre for event in chosen]), size)
        if residual > settings.max_lift_residual:
            continue
        extent = min(extents(pair, e.index) for pair, e in zip(pairs, chosen, strict=True))
        if extent >= settings.min_extent:
            log_step = float(np.median(log_times))
            index = int(np.abs(log_steps - log_step).argmin())
            candidates.append(_Form(index, log_step, centre, residual, extent, chosen))

    kept: list[_Form] = []
    for form in sorted(candidates, key=lambda item: (-item.extent, item.residual)):
        if all(_separate(form, other, smoothed, size, settings) for other in kept):
            kept.append(form)
    return sorted(kept, key=lambda item: item.index)


def _separate(
    weaker: _Form, stronger: _Form, smoothed: np.ndarray, size: float, settings: FormSettings
) -> bool:
    """Tell whether a form is more than the turn of a stronger one seen from a little way off."""
    if abs(weaker.log_step - stronger.log_step) <= settings.cluster_width:
        return False
    low, high = sorted((weaker.index, stronger.index))
    away = np.linalg.norm(smoothed[low : high + 1] - smoothed[weaker.index], axis=1)
    return bool(away.max() > weaker.extent * size)


def _extent(plane: np.ndarray, index: int, settings: FormSettings) -> float:
    """Scale of the turn at an event, in units of the size of its plane curve."""
    x, y = plane.T
    size = plane_curves.curve_size(x, y)
    scales = np.geomspace(settings.min_chord, 4.0, 30)
    return plane_curves.turn_extent(x, y, index, scales * size) / size


def _influence(
    potential: np.ndarray, smoothed: np.ndarray, form: _Form, size: float, settings: FormSettings
) -> tuple[np.ndarray, float]:
    """First and last index of the influence range, and the flatness of the potential over it."""
    first = min(event.index for event in form.events)
    last = max(event.index for event in form.events)
    lowest = first + int(potential[first : last + 1].argmin())
    margin = settings.influence_fraction * max(
        potential[lowest], (settings.influence_floor * size) ** 2
    )
    outside = potential > potential[lowest] + margin
    before, after = np.flatnonzero(outside[:lowest]), np.flatnonzero(outside[lowest:])
    start = int(before[-1]) + 1 if before.size else 0
    end = lowest + int(after[0]) - 1 if after.size else len(potential) - 1
    path = np.linalg.norm(np.diff(smoothed[start : end + 1], axis=0), axis=1).sum()
    return np.array([start, end]), float(path / (2 * np.sqrt(margin)))


def _largest(smoothed: np.ndarray, log_steps: np.ndarray, settings: FormSettings) -> float:
    """Extent of a trajectory's largest form; zero if it has none."""
    found = _find(smoothed, log_steps, settings, _events(smoothed, log_steps, settings))
    return max((form.extent for form in found), default=0.0)
