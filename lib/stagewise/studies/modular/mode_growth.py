"""How each Fourier mode learned in the end has grown: its phases, and its speed against its size."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import xarray as xr

from stagewise.studies.modular.growth import growth_against_size
from stagewise.studies.modular.layout import GROWTH
from stagewise.studies.modular.phases import phases_of_learned


def growth_table(modes: Mapping[str, xr.Dataset], until: float) -> pd.DataFrame:
    """Return a row for each mode that a run has learned in the end.

    Parameters
    ----------
    modes : mapping of str to Dataset
        By setting; layout `modular.layout.MODES`.
    until : float
        Share of its largest power at which the growth of a mode counts as ended.

    Returns
    -------
    DataFrame
        Layout `modular.layout.GROWTH`.
    """
    rows = []
    for setting, data in modes.items():
        for seed in data["seed"].to_numpy().tolist():
            own = data.sel(seed=seed)
            for mode, phases in phases_of_learned(own).items():
                power = own["power"].sel(mode=mode).to_numpy()
                growth = growth_against_size(own["step"].to_numpy(), power, until)
                of_size = {"slope": growth.slope, "exponent": growth.exponent, "until": until}
                of_mode = {"setting": setting, "seed": seed, "mode": mode}
                rows.append(of_mode | vars(phases) | of_size)
    return pd.DataFrame(rows) if rows else GROWTH.empty()
