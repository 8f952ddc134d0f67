"""What figures share that show the chains of an estimate."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import xarray as xr

from stagewise.plots import style


def running_llc(estimate: xr.Dataset, n_beta: float) -> np.ndarray:
    """Return n_beta times the mean paired excess so far, shape (chain, draw)."""
    with np.errstate(invalid="ignore"):  # a chain that ran away holds infinities
        excess = (estimate["loss"] - estimate["baseline_loss"]).to_numpy().astype(float)
        return n_beta * np.cumsum(excess, axis=1) / np.arange(1, excess.shape[1] + 1)


def coloured_chains(values: np.ndarray) -> list[tuple[tuple[float, ...], int, np.ndarray]]:
    """Return colour, number and values of every chain, shape (chain, draw)."""
    colors = mpl.colormaps[style.SEQUENCE](np.linspace(0, 0.9, len(values)))
    return [
        (tuple(color), n, row) for n, (color, row) in enumerate(zip(colors, values, strict=True))
    ]
