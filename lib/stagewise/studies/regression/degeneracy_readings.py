"""What the figure and the claim read from a store of degeneracy."""

from __future__ import annotations

import xarray as xr


def lost_along(degeneracy: xr.Dataset, tolerance: float) -> xr.DataArray:
    """Return the parameters lost by all maps together, along ``step``.

    Parameters
    ----------
    degeneracy : Dataset
        Layout `degeneracy_layout.DEGENERACY`.
    tolerance : float
        One of its tolerances.
    """
    return degeneracy["lost"].sel(tolerance=tolerance, method="nearest").sum(("map", "source"))
