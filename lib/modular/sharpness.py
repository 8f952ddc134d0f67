"""Sharpness against the edge of stability, and slingshots (seed 002; the specification's measures).

Gradient descent is stable along a direction of curvature h while h is below 2 / learning rate. At this
edge training turns noisy, which the dialogue takes for a cause of late generalisation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal
from torch import Tensor

from lib.curvature import HessianProduct, hessian_product, largest_eigenvalues
from lib.replicas import Batch, LossFunction, ParameterLayout
from lib.seeding import StreamKey


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
    (largest,) = largest_eigenvalues(product, vector, 1, key, tolerance)
    return Sharpness(float(largest), bound)


def _scaled(product: HessianProduct, factor: Tensor) -> HessianProduct:
    return lambda direction: factor * product(factor * direction)


@dataclass(frozen=True)
class SlingshotSettings:
    """What counts as a slingshot.

    Parameters
    ----------
    window : float
        Steps within which a spike rises, and within which two spikes belong together.
    norm_rise, loss_rise : float
        Least rise within the window, in natural logarithms of the norm and of the loss.
    loss_floor : float
        Losses below count as this: near zero a rise of the logarithm is rounding.

    Raises
    ------
    ValueError
        If a setting is not positive.
    """

    window: float
    norm_rise: float
    loss_rise: float
    loss_floor: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value}")


@dataclass(frozen=True)
class Slingshot:
    """A spike of the last layer's norm together with one of the training loss.

    Parameters
    ----------
    step : float
        Of the norm's spike.
    loss_step : float
        Of the loss's spike.
    norm_rise, loss_rise : float
        Rises within the window, in natural logarithms.
    """

    step: float
    loss_step: float
    norm_rise: float
    loss_rise: float


def find_spikes(
    steps: np.ndarray, values: np.ndarray, window: float, rise: float
) -> list[tuple[float, float]]:
    """Return where a positive curve rises abruptly: steps and rises of its logarithm.

    The growth of log(values) over the last `window` steps has a peak (scipy.signal.find_peaks)
    of height and prominence of at least `rise`. So steady growth is no spike, nor is a wide hump or the
    end of a fall; a step up that lasts is one, as the norm does not come down without decay. The
    first and the last record cannot be peaks.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Ascending, at distances below `window`.
    values : ndarray, shape (T,)
        Positive.
    window : float
        In steps.
    rise : float
        In natural logarithms.

    Raises
    ------
    ValueError
        If the shapes disagree, steps do not increase, or values are not positive and finite.
    """
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if steps.ndim != 1 or steps.shape != values.shape or not (np.diff(steps) > 0).all():
        raise ValueError(
            f"spikes need increasing steps and as many values; got {steps.shape}, {values.shape}"
        )
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError("spikes of a logarithm need positive, finite values")
    logs = np.log(values)
    growth = logs - np.interp(steps - window, steps, logs)
    _, found = scipy.signal.find_peaks(growth, height=rise, prominence=rise, plateau_size=1)
    peaks = found["left_edges"]  # of a step that lasts, growth is flat for a window
    return [(float(steps[peak]), float(growth[peak])) for peak in peaks]


def find_slingshots(
    steps: np.ndarray, norm: np.ndarray, loss: np.ndarray, settings: SlingshotSettings
) -> list[Slingshot]:
    """Return spikes of the norm that have a spike of the training loss within the window.

    Each spike is part of one slingshot at most: the nearest pair first.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Ascending, at distances below the window.
    norm : ndarray, shape (T,)
        Of the last layer's weights.
    loss : ndarray, shape (T,)
        Training loss; not negative.
    settings : SlingshotSettings

    Returns
    -------
    list of Slingshot
        In the order of time.

    Raises
    ------
    ValueError
        As `find_spikes`.
    """
    of_norm = find_spikes(steps, norm, settings.window, settings.norm_rise)
    floored = np.maximum(np.asarray(loss, dtype=float), settings.loss_floor)
    of_loss = find_spikes(steps, floored, settings.window, settings.loss_rise)
    pairs = sorted(
        (abs(one[0] - two[0]), i, j)
        for i, one in enumerate(of_norm)
        for j, two in enumerate(of_loss)
    )
    partner: dict[int, int] = {}
    for distance, i, j in pairs:
        if distance <= settings.window and i not in partner and j not in partner.values():
            partner[i] = j
    return [
        Slingshot(of_norm[i][0], of_loss[j][0], of_norm[i][1], of_loss[j][1])
        for i, j in sorted(partner.items())
    ]
