"""Rank 1 with AdamW and with gradient descent at the same learning rate."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr

from stagewise.plots import style
from stagewise.plots.drawn import Drawn
from stagewise.studies.scurves.figures.arrangements import compared
from stagewise.studies.scurves.figures.rows import (
    Curves,
)


@style.context()
def draw(*, curves: Mapping[str, xr.Dataset]) -> Drawn:
    """Draw loss, length and alignment, a colour each optimiser.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    """
    cases = [
        Curves(curves["slow1"], "gradient descent"),
        Curves(curves["adamw1"], "AdamW"),
    ]
    return compared(cases, logarithmic=True, last=None)
