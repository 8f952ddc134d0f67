"""What counts as a stage and as a form, and how trajectories are reduced."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from stagewise.core.fields import (
    Bounds,
    Count,
    Fraction,
    NotNegative,
    Positive,
    Settings,
    Several,
    TwoOrMore,
)

VERTEX_PROMINENCE = 0.25
CUSP_TURN = 2 * math.pi / 3
CUSP_SPEED_RATIO = 0.5


MIN_CHECKPOINTS = 5
"""Fewest estimates behind an LLC curve that stages are read from."""


@dataclass(frozen=True)
class StageSettings(Settings):
    """Detection of milestones and stages from an LLC curve."""

    length_scale_bounds: tuple[Positive, Positive] = (0.2, 1.0)
    """Least and largest length scale of the Gaussian process. The lower bound is the smoothing that
    noise cannot undo; the upper one keeps a long quiet stretch from smoothing away a short event
    elsewhere, as one length scale serves the whole curve. Unit: log(1 + step)."""
    tolerance: Fraction = 0.1
    """A slope below this share of the largest one, which rises above it on both sides, counts as a near
    plateau."""
    significance: Positive = 3.0
    """Least change of the LLC between milestones, or a milestone and an end. Without it every flat
    stretch, the start of log time and the ends, where the slope is least certain, would be cut to
    pieces. Unit: posterior standard deviations of that change."""
    pause_significance: Positive = 2.0
    """Least rise of the slope's size on both sides of a near plateau. Unit: posterior standard
    deviations of that rise."""
    max_p: Fraction = 0.01
    """Largest share of simulations in which noise, on a curve without it, makes a milestone as
    pronounced; with fewer than its inverse of draws, none of them."""
    min_change: Fraction = 0.01
    """Least change of the LLC between milestones, or a milestone and an end, as a share of the curve's
    range."""
    num_draws: Annotated[int, Bounds(minimum=2, maximum=100_000)] = 200
    """Posterior draws behind each milestone's interval."""
    grid_points: Annotated[int, Bounds(minimum=10, maximum=5000)] = 400
    """Points of the even grid in log(1 + step) on which the fitted curve is evaluated."""
    match_width: Positive = 0.5
    """Largest distance between a draw's milestone and its match. Unit: log step."""
    leave_out: Annotated[
        tuple[Literal["escaped", "drifting", "saturated"], ...], Bounds(uniqueItems=True)
    ] = ()
    """Verdicts of estimates that the curve is not fitted to; diverged ones never are."""
    first_share: Annotated[float, Bounds(minimum=0, exclusiveMaximum=1)] = 0.0
    """Share of training before which the curve is not fitted."""
    estimate_noise: bool = True
    """Whether scatter between checkpoints beyond their standard errors is fitted as noise."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the bounds."""
        low, high = self.length_scale_bounds
        if low >= high:
            yield "{length_scale_bounds} must ascend; put the first below the second"


@dataclass(frozen=True)
class EssentialDynamicsSettings(Settings):
    """Principal components of the trajectory in function space."""

    num_components: TwoOrMore
    """Principal components kept; forms are read off in planes of two."""


@dataclass(frozen=True)
class FormSettings(Settings):
    """Smoothing of the trajectory and detection of its forms."""

    sigma_start: Positive = 0.1
    """Standard deviation of the smoothing kernel at the start. Unit: recorded steps."""
    sigma_end: Positive = 120.0
    """Standard deviation of the smoothing kernel at the end; linear along the trajectory in between.
    Unit: recorded steps."""
    min_extent: Fraction = 0.15
    """Least distance from a form, as a share of the size of each plane curve, up to which every plane
    curve turns by a right angle or more (`development.plane_curves.turn_extent`)."""
    max_lift_residual: Positive = 0.25
    """Largest root-mean-square disagreement of the planes' centres, as a share of the trajectory's
    size."""
    num_surrogates: Annotated[int, Bounds(minimum=0)] = 99
    """Random walks at the run's own pace behind a form's p-value; 0 for none."""
    cluster_width: Positive = 0.2
    """Largest distance between the events of the pairs of one form, and least distance between two
    forms. Unit: log(1 + step)."""
    min_chord: Positive = 0.05
    """Scale of the geometry, as a share of the size of each plane curve: turns on a smaller one are
    noise."""
    vertex_prominence: float = VERTEX_PROMINENCE
    """As in `development.plane_curves.vertices`."""
    cusp_turn: float = CUSP_TURN
    """As in `development.plane_curves.cusps`. Unit: radians."""
    cusp_speed_ratio: float = CUSP_SPEED_RATIO
    """As in `development.plane_curves.cusps`."""
    influence_fraction: Positive = 0.1
    """The influence range is where the potential exceeds its minimum by less than this share."""
    influence_floor: float = 0.3
    """The share is taken of the minimum or, as the potential of a cusp reaches zero, of the square of
    this multiple of the trajectory's size, whichever is larger."""
    null_dimension: Count = 16
    """Dimensions of the random walks. Walks of fewer dimensions turn more sharply, so that a small
    number errs on the side of no form."""


@dataclass(frozen=True)
class FormRateSettings(Settings):
    """Simulations that say how often forms are found where none or one is (figure form_rates)."""

    num_trajectories: Count
    """Trajectories of each process without forms."""
    num_planted: Count
    """Trajectories of each planted path and disturbance."""
    disturbances: Several[NotNegative]
    """Sizes of the walks that are added to planted paths, as shares of the size of the path."""
    num_surrogates: Annotated[int, Bounds(minimum=19)] = 19
    """Random walks behind each p-value; 19 are the fewest that allow one of 5 %."""
