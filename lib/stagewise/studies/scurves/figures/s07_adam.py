"""Ranks 2, 10 and full with Adam."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.scurves.figures.arrangements import stacked


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset], shown_seed: int) -> Drawn:
    """Draw loss, lengths and cosines at each rank.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    shown_seed : int
        The seed of single-run panels.
    """
    names = {"adam2": "Adam, rank 2", "adam10": "Adam, rank 10", "adamfull": "Adam, full rank"}
    return stacked(curves, names, shown_seed, logarithmic=False)
