"""The learning coefficient by counting: how the volume of {L < epsilon} shrinks with epsilon.

    V(epsilon)  ~  epsilon^lambda (-log epsilon)^(m - 1)

No Markov chain and no temperature are involved, so this checks both formulas and samplers; it needs
points enough to find the set, and so serves a few dimensions only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import brentq
from scipy.special import gammaincc
from torch import Tensor

from stagewise.core.seeding import StreamKey


class VolumeExponent(NamedTuple):
    """An estimate of lambda and its standard error."""

    value: float
    stderr: float


def volume_exponent(
    loss: Callable[[Tensor], Tensor],
    num_dimensions: int,
    multiplicity: int,
    *,
    num_points: int,
    share: float,
    key: StreamKey,
) -> VolumeExponent:
    """Estimate lambda from the points of a cube that have the lowest losses.

    Parameters
    ----------
    loss : callable
        Loss of points, shape (point, dimension) to (point,), with minimum 0.
    num_dimensions : int
        Dimension of the cube [-1, 1]^d.
    multiplicity : int
        m, taken as known; for m > 1 the loss must be at most 1 on the cube, which fixes the unit in
        the logarithm.
    num_points : int
        Points, drawn evenly over the cube.
    share : float
        Share of the points, those of lowest loss, that count.
    key : StreamKey
        Names the points.

    Returns
    -------
    VolumeExponent

    Notes
    -----
    Beyond the threshold T, t = -log L has the density t^(m - 1) exp(-lambda t) up to a constant. It
    is an exponential family in lambda, so the most likely lambda gives t its observed mean, and the
    standard error is 1 / (sd(t) sqrt(count)). For m = 1 this is Hill's estimator of a tail.
    """
    # In single precision the smallest losses, which matter most, would underflow to 0.
    points = torch.rand(num_points, num_dimensions, generator=key.generator(), dtype=torch.float64)
    level = -np.log(loss(2 * points - 1).numpy())
    count = int(share * num_points)
    ordered = np.sort(level)[::-1]
    # With m = 1 the unit of L cancels, so that T may as well be 0.
    origin = ordered[count] if multiplicity == 1 else 0.0
    threshold, tail = ordered[count] - origin, ordered[:count] - origin

    def surplus(rate: float) -> float:
        upper, lower = (gammaincc(m, rate * threshold) for m in (multiplicity + 1, multiplicity))
        return float(multiplicity / rate * upper / lower - tail.mean())

    # The mean of the tail bounds lambda: it exceeds T by at least 1 / lambda and at most m / lambda.
    guess = 1 / (tail.mean() - threshold)
    rate = brentq(surplus, guess / 2, 2 * multiplicity * guess)
    return VolumeExponent(float(rate), float(1 / (tail.std() * np.sqrt(count))))
