"""Differential geometry of plane curves that are known only at samples.

Curvature, osculating circles and evolute come from the circle through three consecutive samples.
That circle does not depend on how the curve is parametrised, and it is exact on a circle whatever
the spacing of the samples, so irregular checkpoints need no correction.

Definitions follow Bruce & Giblin, *Curves and Singularities* (1992), chapter 2, as used in
Hoogland et al. (2024), Appendix B.1: a vertex is an extremum of the curvature (a cusp of the
evolute), a cusp singularity is a point at which the curve stops and turns back.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import find_peaks

from stagewise.development.settings import CUSP_SPEED_RATIO, CUSP_TURN, VERTEX_PROMINENCE

CUSP_CHORD = 0.05


def curve_size(x: np.ndarray, y: np.ndarray) -> float:
    """Root-mean-square distance of a sampled plane curve from its centroid.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        Coordinates in any common unit.

    Returns
    -------
    float
        Size in the unit of the coordinates; the length scale of every relative threshold here.
    """
    x, y = _as_curve(x, y, minimum=1)
    return float(np.sqrt(np.var(x) + np.var(y)))


def curvature(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed curvature at each sample, positive where the curve turns left.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        Coordinates of at least three samples in order of time.

    Returns
    -------
    ndarray, shape (T,)
        One over the radius of the circle through samples t-1, t, t+1, with the sign of the turn, in
        inverse units of the coordinates. Zero where the three lie on a line, NaN where two of them
        coincide. The first and the last sample take the value of their neighbour.

    Raises
    ------
    ValueError
        If the coordinates differ in shape, are not finite or are fewer than three.
    """
    x, y = _as_curve(x, y)
    back, ahead, chord, cross = _triples(x, y)
    product = np.hypot(*back) * np.hypot(*ahead) * np.hypot(*chord)
    inner = np.full(product.shape, np.nan)
    np.divide(2.0 * cross, product, out=inner, where=product > 0)
    return np.pad(inner, 1, mode="edge")


def osculating_circles(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Circles through each sample and its two neighbours, of a curve as `curvature` takes it.

    Returns
    -------
    centres : ndarray, shape (T, 2)
        Centres, whose curve is the evolute; NaN where the three samples lie on a line or two coincide.
    radii : ndarray, shape (T,)
        Radii in the unit of the coordinates; infinite where the centre is NaN.
        The first and the last sample take the circle of their neighbour.

    Notes
    -----
    Samples count as collinear when the triangle they span is below what double precision resolves
    at their distance from the origin: a centre computed from rounding errors is not a centre.
    """
    x, y = _as_curve(x, y)
    (bx, by), (ax, ay), (cx, cy), cross = _triples(x, y)
    reach = np.hypot(cx, cy) + np.hypot(bx, by) + np.hypot(ax, ay)
    offset = np.maximum.reduce([np.abs(x[1:-1]), np.abs(y[1:-1]), reach])
    solid = np.abs(cross) > 8 * np.finfo(float).eps * offset * reach
    denominator = np.where(solid, 2.0 * cross, 1.0)
    # Circumcentre relative to the middle sample, whose neighbours lie at -back and +ahead.
    back_sq, ahead_sq = bx**2 + by**2, ax**2 + ay**2
    dx = -(by * ahead_sq + ay * back_sq) / denominator
    dy = (bx * ahead_sq + ax * back_sq) / denominator
    centres = np.stack([x[1:-1] + dx, y[1:-1] + dy], axis=1)
    radii = np.hypot(dx, dy)
    centres[~solid] = np.nan
    radii[~solid] = np.inf
    return np.pad(centres, ((1, 1), (0, 0)), mode="edge"), np.pad(radii, 1, mode="edge")


def centres_at(x: np.ndarray, y: np.ndarray, indices: np.ndarray, chord: float) -> np.ndarray:
    """Centres of circles of one scale: through samples and where the curve is a chord away from them.

    Unlike those of `osculating_circles` they mean the same wherever the curve is slow; at a cusp they
    are within half a chord of its tip.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        Coordinates in order of time.
    indices : ndarray of int, shape (I,)
        Samples.
    chord : float
        Distance in the unit of the coordinates.

    Returns
    -------
    ndarray, shape (I, 2)
        NaN where the curve begins or ends within a chord, or the three points lie on a line.
    """
    x, y = _as_curve(x, y)
    places, inside = np.empty((len(indices), 3), dtype=int), np.empty(len(indices), dtype=bool)
    for row, t in enumerate(map(int, indices)):
        enter, leave, here = _exits(x, y, t, np.array([chord]))
        places[row], inside[row] = (enter[0], t, leave[0]), here[0]
    if not len(places):
        return np.empty((0, 2))
    centres, _ = osculating_circles(x[places.ravel()], y[places.ravel()])
    return np.where(inside[:, None], np.nan, centres[1::3])


def vertices(x: np.ndarray, y: np.ndarray, prominence: float = VERTEX_PROMINENCE) -> np.ndarray:
    """Find the samples at which the curvature has a pronounced extremum.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        As `curvature`.
    prominence : float
        How far an extremum must stand out from its surroundings, in units of
        ``arcsinh(curvature * size)``: for a bend tighter than the curve's size it is a relative
        change of the curvature (0.25 is 28 %), for a gentler one an absolute change. The map is
        monotone, so it moves no extremum; it keeps one sharp corner from hiding every other vertex.

    Returns
    -------
    ndarray of int, shape (V,)
        Indices in order of time, never the first or the last sample. Inflections are not vertices.

    Raises
    ------
    ValueError
        As `curvature`, or if the prominence is not positive.
    """
    if not prominence > 0:
        raise ValueError(f"prominence must be positive, got {prominence}")
    kappa = curvature(x, y)
    known = np.isfinite(kappa)
    if known.sum() < 3:
        return np.empty(0, dtype=int)
    # A trajectory that pauses repeats its sample; its curvature there is that of the surroundings.
    index = np.arange(kappa.size)
    scaled = np.arcsinh(np.interp(index, index[known], kappa[known]) * curve_size(x, y))
    extrema = [find_peaks(sign * scaled, prominence=prominence)[0] for sign in (1.0, -1.0)]
    return np.sort(np.concatenate(extrema))


def coarsen(x: np.ndarray, y: np.ndarray, spacing: float) -> np.ndarray:
    """Thin a curve to samples at least `spacing` apart, which removes wiggles below that scale.

    The error of a three-point curvature is the error of the samples over the square of their
    distance, so a slow or noisy stretch of a trajectory has a meaningless curvature at the spacing
    of its checkpoints and a meaningful one at a fixed distance.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        Coordinates in order of time.
    spacing : float
        Least distance between consecutive kept samples, in the unit of the coordinates.

    Returns
    -------
    ndarray of int, shape (S,)
        Indices kept, in order; the first sample is always among them.
    """
    x, y = _as_curve(x, y, minimum=1)
    if spacing < 0:
        raise ValueError(f"spacing must not be negative, got {spacing}")
    kept = [0]
    limit = spacing**2
    # Each kept sample decides the next one: a loop over floats is the direct way to write it.
    points = list(zip(x.tolist(), y.tolist(), strict=True))
    x0, y0 = points[0]
    for index, (x1, y1) in enumerate(points[1:], start=1):
        if (x1 - x0) ** 2 + (y1 - y0) ** 2 >= limit:
            kept.append(index)
            x0, y0 = x1, y1
    return np.array(kept)


def cusps(
    x: np.ndarray,
    y: np.ndarray,
    min_turn: float = CUSP_TURN,
    max_speed_ratio: float = CUSP_SPEED_RATIO,
    chord: float | None = None,
) -> np.ndarray:
    """Find the samples at which the curve slows down sharply and turns back.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        As `curvature`.
    min_turn : float
        Least angle in radians between the directions of arrival and of departure.
    max_speed_ratio : float
        Largest speed at the cusp over the largest speed on the way in and on the way out.
    chord : float, optional
        Distance over which the two directions are taken, in the unit of the coordinates; 5 % of the
        size of the curve if not given. Turns on a smaller scale are not cusps.

    Returns
    -------
    ndarray of int, shape (C,)
        Indices in order of time. Of several slow samples within one chord the slowest is kept.

    Raises
    ------
    ValueError
        As `curvature`, or if the angle or the ratio is out of range.
    """
    x, y = _as_curve(x, y)
    if not 0 < min_turn <= np.pi:
        raise ValueError(f"min_turn is an angle in (0, pi], got {min_turn}")
    if not 0 < max_speed_ratio < 1:
        raise ValueError(f"max_speed_ratio must lie in (0, 1), got {max_speed_ratio}")
    reach = CUSP_CHORD * curve_size(x, y) if chord is None else chord
    speed = np.hypot(np.gradient(x), np.gradient(y))
    found: list[tuple[int, int, int]] = []
    for t in map(int, find_peaks(-speed)[0]):
        enter, leave, turn = _turn(x, y, t, np.array([reach]))
        if not turn[0] >= min_turn:
            continue
        a, b = int(enter[0]), int(leave[0])
        way = min(speed[a:t].max(), speed[t + 1 : b + 1].max())
        if speed[t] <= max_speed_ratio * way:
            found.append((t, a, b))
    kept: list[int] = []
    for t, a, b in sorted(found, key=lambda item: speed[item[0]]):
        if not any(a < other < b for other in kept):
            kept.append(t)
    return np.array(sorted(kept), dtype=int)


def turn_extent(
    x: np.ndarray, y: np.ndarray, index: int, chords: np.ndarray, min_turn: float = np.pi / 2
) -> float:
    """Largest scale on which the curve turns at one of its samples.

    Parameters
    ----------
    x, y : ndarray, shape (T,)
        Coordinates in order of time.
    index : int
        Sample at which the turn is measured.
    chords : ndarray, shape (C,)
        Distances at which the directions of arrival and departure are taken, increasing.
    min_turn : float
        Least angle in radians between the two directions.

    Returns
    -------
    float
        The largest chord with such a turn on it and on the chord before it in the list, zero if
        there is none. It cannot exceed the distance the curve gets from the sample on either side,
        so a wiggle of a curve that has hardly moved is small.
    """
    x, y = _as_curve(x, y)
    enough = _turn(x, y, index, chords)[2] >= min_turn
    enough[1:] &= enough[:-1]
    return float(chords[enough].max(initial=0.0))


def _turn(
    x: np.ndarray, y: np.ndarray, t: int, chords: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find where the curve enters and leaves discs about sample t, and its turn between.

    The turn is NaN where the curve begins or ends inside the disc.
    """
    enter, leave, inside = _exits(x, y, t, chords)
    arrival = np.arctan2(y[t] - y[enter], x[t] - x[enter])
    departure = np.arctan2(y[leave] - y[t], x[leave] - x[t])
    turn = np.abs((departure - arrival + np.pi) % (2 * np.pi) - np.pi)
    return enter, leave, np.where(inside, np.nan, turn)


def _exits(
    x: np.ndarray, y: np.ndarray, t: int, chords: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find where the curve enters and leaves discs about sample t, and whether it ends inside."""
    # The running maximum outward from t grows, so a sorted search finds the first exit.
    distance = np.hypot(x - x[t], y - y[t])
    back = np.searchsorted(np.maximum.accumulate(distance[t::-1]), chords)
    ahead = np.searchsorted(np.maximum.accumulate(distance[t:]), chords)
    inside = (back > t) | (ahead >= x.size - t)
    return np.maximum(t - back, 0), np.minimum(t + ahead, x.size - 1), inside


def _as_curve(x: np.ndarray, y: np.ndarray, minimum: int = 3) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"a plane curve needs two 1-d arrays of one length, got shapes {x.shape} and {y.shape}"
        )
    if x.size < minimum:
        raise ValueError(f"a plane curve needs at least {minimum} samples, got {x.size}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a plane curve must be finite; drop checkpoints with NaN or inf first")
    return x, y


def _triples(
    x: np.ndarray, y: np.ndarray
) -> tuple[
    tuple[np.ndarray, np.ndarray],
    tuple[np.ndarray, np.ndarray],
    tuple[np.ndarray, np.ndarray],
    np.ndarray,
]:
    """Chords into, out of and across each inner sample, and the cross product of the first two."""
    dx, dy = np.diff(x), np.diff(y)
    back, ahead = (dx[:-1], dy[:-1]), (dx[1:], dy[1:])
    chord = (x[2:] - x[:-2], y[2:] - y[:-2])
    return back, ahead, chord, back[0] * ahead[1] - back[1] * ahead[0]
