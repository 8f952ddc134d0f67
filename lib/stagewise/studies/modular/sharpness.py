"""Sharpness against the edge of stability (the grokking dialogue).

Gradient descent is stable along a direction of curvature h while h is below 2 / learning rate. At this
edge training turns noisy, which the dialogue takes for a cause of late generalisation.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from stagewise.core.curvature import HessianProduct, hessian_product, largest_eigenpairs
from stagewise.core.replicas import Batch, LossFunction, ParameterLayout
from stagewise.core.seeding import StreamKey


@dataclass(frozen=True)
class Sharpness:
    """Largest curvature of the training loss and the optimiser's bound on it.

    Parameters
    ----------
    largest : float
        Largest eigenvalue of the Hessian, or of the preconditioned Hessian.
    bound : float
        Curvature from which the optimiser is unstable; 2 / learning rate for gradient descent.
    """

    largest: float
    bound: float

    @property
    def ratio(self) -> float:
        """Largest eigenvalue over the bound: 1 at the edge of stability."""
        return self.largest / self.bound


def stability_bound(learning_rate: float, momentum: float = 0.0, averaged: bool = False) -> float:
    """Return the curvature from which training on all data is unstable.

    Parameters
    ----------
    learning_rate : float
        Positive.
    momentum : float
        Coefficient beta in [0, 1) of the heavy ball, ``m <- beta m + g``: the bound is
        ``2 (1 + beta) / learning_rate``.
    averaged : bool
        The optimiser averages gradients instead, ``m <- beta m + (1 - beta) g``, as Adam with
        beta_1 does: the bound is larger by 1 / (1 - beta), so 38 / learning_rate at 0.9, and holds
        for the preconditioned Hessian (Cohen et al. 2022).

    Raises
    ------
    ValueError
        If the learning rate is not positive or the momentum is outside [0, 1).
    """
    if not learning_rate > 0:
        raise ValueError(f"learning_rate must be positive, not {learning_rate}")
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be in [0, 1), not {momentum}")
    bound = 2 * (1 + momentum) / learning_rate
    return bound / (1 - momentum) if averaged else bound


def measure_sharpness(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    vector: Tensor,
    data: Batch,
    key: StreamKey,
    bound: float,
    preconditioner: Tensor | None = None,
    tolerance: float = 1e-3,
) -> Sharpness:
    """Return the largest eigenvalue of the Hessian of the training loss.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``. A weight decay that is part of the gradient adds its
        coefficient to every eigenvalue, and is left out unless the loss contains it.
    layout : ParameterLayout
    vector : Tensor, shape (num_parameters,)
    data : tuple of Tensor
        The training set, all of it at once.
    key : StreamKey
        Names the vector at which Lanczos iterations begin.
    bound : float
        Result of `stability_bound`.
    preconditioner : Tensor, shape (num_parameters,), optional
        Positive factor D of each parameter's step, Adam's 1 / (sqrt(v) + eps); the eigenvalue is
        then that of D^1/2 H D^1/2.
    tolerance : float
        Relative accuracy of the eigenvalue.
    """
    product = hessian_product(loss_fn, layout, vector, data)
    if preconditioner is not None:
        product = _scaled(product, preconditioner.sqrt())
    (largest,), _ = largest_eigenpairs(product, vector, 1, key, tolerance)
    return Sharpness(float(largest), bound)


def _scaled(product: HessianProduct, factor: Tensor) -> HessianProduct:
    return lambda direction: factor * product(factor * direction)
