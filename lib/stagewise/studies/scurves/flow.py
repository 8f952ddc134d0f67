"""The gradient flow that descent of a low-rank matrix discretises (the post's "Low-rank learning")."""

from __future__ import annotations

import numpy as np
import scipy.integrate

RELATIVE_TOLERANCE, ABSOLUTE_TOLERANCE = 1e-8, 1e-11


def velocity(vectors: np.ndarray, targets: np.ndarray, weight_decay: float = 0.0) -> np.ndarray:
    """Return minus the gradient of ``1/2 |A - M|^2 + weight_decay/2 |vectors|^2``.

    ``da_k'/dt = sum_l a_l (b_l . b_k') - sum_l a_l' (b_l' . b_k') - weight_decay a_k'``, and the same
    with a and b exchanged; primes are the learned vectors.

    Parameters
    ----------
    vectors, targets : ndarray, shape (2, rank, dimension)
    weight_decay : float
    """
    others, other_targets = vectors[::-1], targets[::-1]
    drive = (others @ other_targets.mT) @ targets
    decay = (others @ others.mT) @ vectors
    return drive - decay - weight_decay * vectors


def gradient_flow(
    initial: np.ndarray, targets: np.ndarray, times: np.ndarray, weight_decay: float = 0.0
) -> np.ndarray:
    """Integrate the flow from the initial vectors (scipy.integrate.solve_ivp, DOP853).

    Parameters
    ----------
    initial, targets : ndarray, shape (2, rank, dimension)
    times : ndarray, shape (time,)
        Flow times, learning rate times step, ascending from 0.
    weight_decay : float

    Returns
    -------
    ndarray, shape (time, 2, rank, dimension)

    Raises
    ------
    RuntimeError
        If the integration fails.
    """

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        return velocity(state.reshape(initial.shape), targets, weight_decay).ravel()

    solution = scipy.integrate.solve_ivp(
        slope,
        (times[0], times[-1]),
        initial.ravel(),
        method="DOP853",
        t_eval=times,
        rtol=RELATIVE_TOLERANCE,
        atol=ABSOLUTE_TOLERANCE,
    )
    if not solution.success:
        raise RuntimeError(f"the gradient flow could not be integrated: {solution.message}")
    return solution.y.T.reshape(len(times), *initial.shape)


def squared_errors(path: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return ``1/2 |A - M|^2`` along a path of vectors, shape (time,)."""
    residual = path[:, 0].mT @ path[:, 1] - targets[0].T @ targets[1]
    return 0.5 * (residual**2).sum((-2, -1))
