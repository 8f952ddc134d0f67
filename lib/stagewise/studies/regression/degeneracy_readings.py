"""What the figure and the claim read from a store of degeneracy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr


def lost_along(degeneracy: xr.Dataset, below: float) -> xr.DataArray:
    """Return the parameters lost by all maps together, along ``step``.

    Parameters
    ----------
    degeneracy : Dataset
        Layout `degeneracy_layout.DEGENERACY`.
    below : float
        One of its tolerances.
    """
    return degeneracy["lost"].sel(below=below).sum(("map", "source"))


class SoundCurves(NamedTuple):
    """Sound estimates of an LLC and the count at their steps, each of shape (checkpoint,)."""

    steps: np.ndarray
    llc: np.ndarray
    stderr: np.ndarray
    lost: np.ndarray


def sound_curves(llc: xr.Dataset, degeneracy: xr.Dataset, below: float) -> SoundCurves:
    """Return what is compared of one run.

    Parameters
    ----------
    llc : Dataset
        Layout `llc.layout.LLC`.
    degeneracy : Dataset
        Of the same run; layout `degeneracy_layout.DEGENERACY`.
    below : float
        See `lost_along`.
    """
    sound = llc.isel(step=np.flatnonzero(llc["verdict"].to_numpy().astype(str) == "ok"))
    steps = sound["step"].to_numpy()
    lost = lost_along(degeneracy, below).sel(step=steps).to_numpy()
    return SoundCurves(steps, sound["llc_mean"].to_numpy(), sound["llc_stderr"].to_numpy(), lost)
