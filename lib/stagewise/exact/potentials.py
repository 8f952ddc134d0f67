"""Toy potentials: sums and products of even powers, with their posterior means by quadrature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.subject import Subject
from stagewise.exact import coefficients as exact

LOG_RANGE = (-60.0, 4.0)
"""Grid of the quadrature in log |w|: from where nothing is left to far outside the prior."""


@dataclass(frozen=True)
class Potential:
    """The loss s sum_i w_i^(2 k_i), or s prod_i w_i^(2 k_i), at its minimum w* = 0.

    Parameters
    ----------
    name : str
    half_powers : tuple of int
        k_i of each direction that is used.
    scale : float
        s.
    num_unused : int
        Directions that the loss ignores.
    product : bool
        Multiply the powers instead of adding them; then there are two of them.

    Raises
    ------
    ValueError
        If a product has other than two factors: its quadrature is a double integral.
    """

    name: str
    half_powers: tuple[int, ...]
    scale: float = 1.0
    num_unused: int = 0
    product: bool = False

    def __post_init__(self) -> None:
        if self.product and len(self.half_powers) != 2:
            raise ValueError(f"a product has two factors here, not {len(self.half_powers)}")

    @property
    def exact(self) -> exact.LearningCoefficient:
        """Learning coefficient and multiplicity."""
        if self.product:
            return exact.normal_crossing(self.half_powers)
        if set(self.half_powers) == {1}:
            return exact.quadratic(len(self.half_powers))
        return exact.sum_of_powers(self.half_powers)

    def loss(self, points: Tensor) -> Tensor:
        """Return the loss at points along the last axis, shape (..., num_used) to (...)."""
        powers = 2 * torch.tensor(self.half_powers)
        terms = points**powers
        return self.scale * (terms.prod(-1) if self.product else terms.sum(-1))

    def model(self) -> Subject:
        """Return the potential as a model with one sample that says nothing."""
        num_used = len(self.half_powers)

        def loss_fn(params: Params, batch: Batch) -> Tensor:
            return self.loss(params["w"][:num_used])

        return Subject.of_checkpoints(
            self.name,
            {0: {"w": torch.zeros(num_used + self.num_unused)}},
            loss_fn,
            (torch.zeros(1),),
            untrained_loss=self.loss(torch.ones(num_used)).item(),
            exact_llc=self.exact.value,
        )

    def typical_curvature(self, n_beta: float, localization: float) -> float:
        """Return the largest of n_beta h + gamma over the directions of a sum.

        A power above 2 has no curvature at its minimum, so h is taken at the distance 1 / sqrt(c)
        that belongs to the resulting c = n_beta h + gamma itself: where the chains spend their time.

        Raises
        ------
        ValueError
            For a product, whose curvature has no typical size.
        """
        if self.product:
            raise ValueError("the curvature of a product has no typical size")

        def resulting(half_power: int) -> float:
            k = half_power
            strength = n_beta * self.scale * 2 * k * (2 * k - 1)
            return float(
                brentq(
                    lambda c: localization + strength * c ** (1 - k) - c,
                    localization,
                    localization + strength * localization ** (1 - k) + 1,
                )
            )

        return max(resulting(k) for k in set(self.half_powers))

    def finite(self, n_beta: float, localization: float, num_points: int = 2001) -> float:
        """Return n_beta E[L] at finite n_beta and gamma, by quadrature.

        With t = log |w| as variable the integrand decays at both ends, so that the trapezoidal rule
        converges faster than any power of the spacing. No sampling and no step size are involved.

        Parameters
        ----------
        n_beta, localization : float
            n_beta and gamma, both greater than 0.
        num_points : int
            Points of the grid in each direction.
        """
        # Lengths in units of the prior's radius, so that one grid serves every gamma.
        t = np.linspace(*LOG_RANGE, num_points)
        strength = np.log(n_beta * self.scale)
        log_weight = t - np.exp(2 * t) / 2
        terms = [2 * k * (t - np.log(localization) / 2) for k in self.half_powers]
        if self.product:
            energy = np.exp(strength + terms[0][:, None] + terms[1])
            return _mean(energy, log_weight[:, None] + log_weight)
        # Directions with the same power have the same integral.
        return sum(_mean(np.exp(strength + term), log_weight) for term in terms)


def _mean(energy: np.ndarray, log_weight: np.ndarray) -> float:
    """Return the mean of `energy` under the density exp(log_weight - energy) on an even grid."""
    weight = np.exp(log_weight - energy)
    return float((energy * weight).sum() / weight.sum())
