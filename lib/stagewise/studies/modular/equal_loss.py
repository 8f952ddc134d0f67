"""LLCs of two networks compared where their training losses are equal (claim G14).

The LLC follows the training loss down, on a table without a rule too, so that a fall of the one says
something of what is learned only beyond the fall of the other.
"""

from __future__ import annotations

import numpy as np
import xarray as xr


def excess_at_equal_loss(own: xr.Dataset, other: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return how far the LLC of a network is above another's at equal training loss.

    Parameters
    ----------
    own, other : Dataset
        Estimates to be compared, such as the sound ones; layout `llc.layout.LLC`.

    Returns
    -------
    excess, stderr : ndarray, shape (T,)
        At each checkpoint of `own`, the other's LLC and its standard error interpolated in the logarithm
        of the loss; NaN where the other never has such a loss.
    """
    order = np.argsort(other["init_loss"].to_numpy(), kind="stable")
    losses = np.log(other["init_loss"].to_numpy()[order])
    at = np.log(own["init_loss"].to_numpy())
    if not len(losses):
        return np.full(at.shape, np.nan), np.full(at.shape, np.nan)
    level, error = (
        np.interp(at, losses, other[name].to_numpy()[order], left=np.nan, right=np.nan)
        for name in ("llc_mean", "llc_stderr")
    )
    return own["llc_mean"].to_numpy() - level, np.hypot(own["llc_stderr"].to_numpy(), error)
