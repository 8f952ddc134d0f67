"""Whether the modes that a network learns were ahead of the others early, as lottery tickets are."""

from __future__ import annotations

from math import nan

import numpy as np
import scipy.stats
import xarray as xr


def lead_of_learned(own: xr.Dataset, index: int) -> float:
    """Return the chance that a mode learned in the end had more power than another one at a checkpoint.

    One half is no lead. It is the area under the receiver operating characteristic of the embedding's
    power, from the mean rank of learned modes.

    Parameters
    ----------
    own : Dataset
        One run of the layout `modular.layout.MODES`.
    index : int
        Of the checkpoint; 0 is the initialisation.

    Returns
    -------
    float
        NaN if all modes are learned or none is.
    """
    learned = own["learned"].isel(step=-1).to_numpy().astype(bool)
    if learned.all() or not learned.any():
        return nan
    ranks = scipy.stats.rankdata(own["power_share"].isel(step=index).to_numpy())
    number = learned.sum()
    return float((ranks[learned].mean() - (number + 1) / 2) / (len(learned) - number))


def last_before(own: xr.Dataset, step: float) -> int:
    """Return the index of the last checkpoint before a step."""
    earlier = np.flatnonzero(own["step"].to_numpy() < step)
    return int(earlier[-1]) if earlier.size else 0
