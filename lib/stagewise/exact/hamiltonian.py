"""Moves of Hamiltonian Monte Carlo: leapfrog steps, then accept or reject (Duane et al. 1987).

For the density exp(-U(w)), a move draws a velocity u ~ N(0, I), follows the dynamics of
U(w) + |u|^2 / 2 by leapfrog steps of size h,

    u <- u - (h/2) P^(1/2) grad U,   w <- w + h P^(1/2) u,   u <- u - (h/2) P^(1/2) grad U,

and is accepted with the probability min(1, exp(-change of the sum)), which leaves the density as it
is whatever h. One step a move is the Metropolis-adjusted Langevin algorithm (MALA). P is fixed and
only changes how fast chains move; see `llc.preconditioning`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from stagewise.llc.preconditioning import Preconditioner

FIRST_STEP = 0.5
"""Step size before adaptation, in units of the stiffest direction at w*: leapfrog is stable below 2."""


@dataclass(frozen=True)
class Point:
    """Where chains are, and what is known there.

    Parameters
    ----------
    position : Tensor, shape (chain, num_parameters)
    loss : Tensor, float64, shape (chain,)
        L_n.
    energy : Tensor, float64, shape (chain,)
        U, relative to w*.
    gradient : Tensor, shape (chain, num_parameters)
        Of U.
    """

    position: Tensor
    loss: Tensor
    energy: Tensor
    gradient: Tensor


Evaluate = Callable[[Tensor], Point]


def leapfrog(
    evaluate: Evaluate,
    metric: Preconditioner,
    start: Point,
    velocity: Tensor,
    step_size: float,
    num_steps: int,
) -> tuple[Point, Tensor]:
    """Follow the dynamics; the end and its velocity. Turned round, the same steps lead back."""
    point = start
    for _ in range(num_steps):
        velocity = velocity - step_size / 2 * metric.apply(point.gradient, 0.5)
        point = evaluate(point.position + step_size * metric.apply(velocity, 0.5))
        velocity = velocity - step_size / 2 * metric.apply(point.gradient, 0.5)
    return point, velocity


def move(
    evaluate: Evaluate,
    metric: Preconditioner,
    start: Point,
    velocity: Tensor,
    uniform: Tensor,
    step_size: float,
    num_steps: int,
) -> tuple[Point, Tensor]:
    """Make one move of every chain, accepted or rejected each on its own.

    Parameters
    ----------
    evaluate : callable
        See `posterior_energy`.
    metric : Preconditioner
    start : Point
    velocity : Tensor, shape (chain, num_parameters)
        Standard normal.
    uniform : Tensor, float64, shape (chain,)
        Even on [0, 1).
    step_size : float
    num_steps : int

    Returns
    -------
    Point
        Where the chains are then.
    Tensor, float64, shape (chain,)
        Probabilities of acceptance; 0 where the dynamics ran away.
    """
    end, last = leapfrog(evaluate, metric, start, velocity, step_size, num_steps)
    kinetic = (last.double().square() - velocity.double().square()).sum(1) / 2
    change = end.energy - start.energy + kinetic
    probability = torch.exp(-change.nan_to_num(nan=math.inf, posinf=math.inf).clamp(min=0))
    accepted = uniform < probability
    rows = accepted[:, None]
    return (
        Point(
            torch.where(rows, end.position, start.position),
            torch.where(accepted, end.loss, start.loss),
            torch.where(accepted, end.energy, start.energy),
            torch.where(rows, end.gradient, start.gradient),
        ),
        probability,
    )


@dataclass
class DualAveraging:
    """Adapts a step size to a probability of acceptance (Hoffman and Gelman 2014, section 3.2).

    The constants are theirs. `current` is the step size to try next; `average` the one to keep.
    """

    target: float
    first: float = FIRST_STEP
    current: float = field(init=False)
    average: float = field(init=False)
    _count: int = field(init=False, default=0)
    _error: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.current = self.average = self.first

    def update(self, acceptance: float) -> None:
        """Take note of the acceptance that the current step size gave."""
        self._count += 1
        share = 1 / (self._count + 10)
        self._error += share * (self.target - acceptance - self._error)
        log_step = math.log(10 * self.first) - math.sqrt(self._count) / 0.05 * self._error
        weight = self._count**-0.75
        log_average = weight * log_step + (1 - weight) * math.log(self.average)
        self.current, self.average = math.exp(log_step), math.exp(log_average)
