"""What counts as a stage and as a form."""

from __future__ import annotations

import math
from dataclasses import dataclass

VERTEX_PROMINENCE = 0.25


CUSP_TURN = 2 * math.pi / 3


CUSP_SPEED_RATIO = 0.5


MIN_CHECKPOINTS = 5
"""Fewest estimates behind an LLC curve that stages are read from."""


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
    leave_out
        Verdicts of estimates that the curve is not fitted to.
    first_share
        Share of training before which it is not fitted either.
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
    leave_out: tuple[str, ...] = ()
    first_share: float = 0.0
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


@dataclass(frozen=True)
class FormSettings:
    """What counts as a form.

    Attributes
    ----------
    sigma_start, sigma_end, ramp
        Smoothing of the scores, as `development.essential_dynamics.smooth`; in checkpoints.
    cluster_width
        Largest distance in log(1 + step) between the events of the pairs of one form, and least
        distance between two forms.
    max_lift_residual
        Largest root-mean-square disagreement of the centres, in units of the trajectory's size.
    min_extent
        Least distance from the form, in units of the size of each plane curve, up to which every
        plane curve turns by a right angle or more (`development.plane_curves.turn_extent`).
    min_chord
        Scale of the geometry, in units of the size of each plane curve: turns on a smaller scale
        are taken for noise.
    vertex_prominence, cusp_turn, cusp_speed_ratio
        As `vertices` and `cusps` of `development.plane_curves`; the turn is in radians.
    influence_fraction
        The influence range is where the potential exceeds its minimum by less than this share.
    influence_floor
        The share is taken of the minimum or, as the potential of a cusp reaches zero, of the square
        of this multiple of the trajectory's size, whichever is larger.
    num_surrogates, null_dimension
        Number of random walks behind the p-value (0: no p-value) and their dimension.
    null_max_steps
        Surrogates longer than this are thinned to it evenly in time, after smoothing, which
        saves time at the price of the finest wiggles of the walks.
    """

    sigma_start: float = 0.1
    sigma_end: float = 120.0
    ramp: float = 1.0
    cluster_width: float = 0.2
    max_lift_residual: float = 0.25
    min_extent: float = 0.15
    min_chord: float = 0.05
    vertex_prominence: float = VERTEX_PROMINENCE
    cusp_turn: float = CUSP_TURN
    cusp_speed_ratio: float = CUSP_SPEED_RATIO
    influence_fraction: float = 0.1
    influence_floor: float = 0.3
    num_surrogates: int = 99
    null_dimension: int = 64
    null_max_steps: int = 500

    def __post_init__(self) -> None:
        for name in ("cluster_width", "max_lift_residual", "min_chord", "influence_fraction"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.num_surrogates < 0:
            raise ValueError(f"num_surrogates must not be negative, got {self.num_surrogates}")
