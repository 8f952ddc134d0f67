"""Which runs of a setting count."""

from __future__ import annotations

import numpy as np
import pandas as pd


def kept(measures: pd.DataFrame, setting: str, rate: float | None = None) -> pd.DataFrame:
    """Return the runs of a setting that did not diverge, indexed by seed.

    Parameters
    ----------
    measures : DataFrame
        Layout `scurves.layout.MEASURES`.
    setting : str
    rate : float, optional
        Learning rate; without one, that of the setting's first case.
    """
    rows = measures[measures["setting"] == setting]
    chosen = rows["case"] == 0 if rate is None else np.isclose(rows["learning_rate"], rate)
    return rows[chosen & ~rows["diverged"]].set_index("seed")
