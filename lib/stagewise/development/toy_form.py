"""A toy loss on whose gradient flow a form is made: a steep valley that bends about a point.

The loss ``k / 2 (y - x^2)^2 - v x`` is learned fast across the valley y = x^2 and slowly along it. The
valley has a vertex at the origin, with its osculating circle about o = (0, 1/2): on it the squared
distance from o is 1/4 + x^4, a degenerate minimum at a point that is not critical for the loss.
Source: Hoogland et al. (2024), Appendix B.4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.integrate

CENTRE = np.array([0.0, 0.5])
"""Centre of the valley's osculating circle at its vertex."""

STIFFNESS, DRIFT = 50.0, 1.0
"""[k, v] The fast and the slow rate of the loss."""

START, DURATION = (-0.7, 2.0), 8.0
"""Where the flow begins, and its duration in inverse rates; it passes the vertex in the middle."""


class Flow(NamedTuple):
    """Gradient flow of the toy loss: times (T,) and points (T, 2)."""

    time: np.ndarray
    points: np.ndarray


def loss(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Toy loss at outputs (x, y)."""
    return 0.5 * STIFFNESS * (y - x**2) ** 2 - DRIFT * x


def flow(num_times: int = 800) -> Flow:
    """Integrate the gradient flow from `START`.

    Parameters
    ----------
    num_times : int
        Points, evenly spaced in time.

    Returns
    -------
    Flow

    Raises
    ------
    RuntimeError
        If the integrator fails; the message is its own.
    """

    def velocity(_: float, point: np.ndarray) -> tuple[float, float]:
        x, y = point
        off = y - x**2
        return 2 * STIFFNESS * x * off + DRIFT, -STIFFNESS * off

    time = np.linspace(0.0, DURATION, num_times)
    found = scipy.integrate.solve_ivp(
        velocity, (0.0, DURATION), START, method="LSODA", t_eval=time, rtol=1e-9, atol=1e-12
    )
    if not found.success:
        raise RuntimeError(f"the toy flow was not integrated: {found.message}")
    return Flow(time, found.y.T)


def potential(points: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Squared distances of points (T, 2) from a centre."""
    return ((points - centre) ** 2).sum(axis=1)
