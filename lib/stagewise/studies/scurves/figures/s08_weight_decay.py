"""Rank 1 with several weight decays."""

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
    """Draw loss, length and alignment, a colour each decay.

    Parameters
    ----------
    curves : mapping of str to Dataset
        By setting; layout `scurves.layout.CURVES`.
    """
    data = curves["decay1"]
    decays = data["weight_decay"].to_numpy()
    cases = [Curves(data, rf"$\lambda$ = {decay:g}", case) for case, decay in enumerate(decays)]
    return compared(cases[:4], logarithmic=False, last=300.0)
