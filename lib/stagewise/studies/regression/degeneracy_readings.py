"""What the figure and the claim read from a store of degeneracy."""

from __future__ import annotations

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
