"""Slingshots: spikes of the last layer's norm together with ones of the training loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.signal

from stagewise.studies.modular.thresholds import SlingshotSettings


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
