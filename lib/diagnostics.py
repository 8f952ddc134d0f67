"""How far to trust an estimate: convergence of chains, and whether they stayed near the checkpoint."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

FORGOTTEN_SHARE = 0.75
"""Chains are saturated when they give up this share of what training has gained."""

LEAST_GAIN = 0.05
"""Below this gain over the untrained loss (relative to it) the share above has no meaning."""


def chain_diagnostics(draws: np.ndarray) -> tuple[float, float]:
    """Return R-hat and the effective sample size of draws, shape (chain, draw).

    Rank-normalised split R-hat and bulk effective sample size (Vehtari et al. 2021), by arviz. NaN
    where there are no chains, fewer than four draws or draws that do not vary.
    """
    if draws.shape[0] == 0 or draws.shape[1] < 4 or not np.ptp(draws) > 0:
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # arviz announces its next major version when imported
        import arviz
    return float(arviz.rhat(draws)), float(arviz.ess(draws, method="bulk"))


def locality(llc: xr.Dataset, untrained_loss: float, constant_loss: float) -> xr.Dataset:
    """Judge at every checkpoint whether chains still know where they began.

    Parameters
    ----------
    llc : xarray.Dataset
        Estimates along ``step``, as `lib.llc.estimate_llc` makes them.
    untrained_loss : float
        Loss of the network before training.
    constant_loss : float
        Loss of the best constant predictor.

    Returns
    -------
    xarray.Dataset
        ``mean_loss(step)`` (E[L], from the paired excess), ``forgotten_share(step)`` =
        (E[L] - L(w*)) / (L(untrained) - L(w*)), ``mean_displacement(step)`` = mean |w - w*| / |w*|,
        ``saturated(step)``, and the two reference losses.

    Notes
    -----
    Saturated chains report the loss of a network that knows nothing, whichever checkpoint they began
    at, so that the LLC is an affine function of the loss and says nothing of its own. A checkpoint
    counts as saturated when its chains give up at least `FORGOTTEN_SHARE` of what training had
    gained. Where nothing has been gained yet (less than `LEAST_GAIN` of the untrained loss) that share
    has no meaning, and chains count as saturated when they end farther from w* than w* is from 0.
    """
    excess = (llc["loss"] - llc["baseline_loss"]).where(~llc["diverged"].astype(bool))
    mean_excess = excess.mean(("chain", "draw"))
    gain = untrained_loss - llc["init_loss"]
    known = gain > LEAST_GAIN * untrained_loss
    share = (mean_excess / gain).where(known)
    displacement = llc["displacement"].mean(("chain", "draw"))
    saturated = xr.where(
        known, share >= FORGOTTEN_SHARE, llc["displacement"][..., -1].mean("chain") >= 1
    )
    result = xr.Dataset(
        {
            "mean_loss": llc["init_loss"] + mean_excess,
            "forgotten_share": share,
            "mean_displacement": displacement,
            "saturated": saturated,
            "untrained_loss": untrained_loss,
            "constant_loss": constant_loss,
        }
    )
    described = {
        "mean_loss": ("loss", "mean loss of the chains, E[L]"),
        "forgotten_share": ("1", "share of the training gain that the chains gave up"),
        "mean_displacement": ("1", "mean |w - w*| / |w*| over chains and draws"),
        "saturated": ("1", "chains have forgotten their checkpoint"),
        "untrained_loss": ("loss", "loss of the untrained network"),
        "constant_loss": ("loss", "loss of the best constant predictor"),
    }
    for name, (units, long_name) in described.items():
        result[name].attrs = {"units": units, "long_name": long_name}
    return result
