"""How far to trust an estimate: convergence of chains, and whether they stayed near the checkpoint."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from stagewise.llc.estimate_layout import LLC

MAX_RHAT = 1.1
"""Chains disagree above this R-hat (Gelman et al. 2013, Bayesian Data Analysis, section 11.4)."""

MAX_DRIFT = 0.1
"""The estimate may change by this share of itself from the first to the second half of the draws."""

CONFIDENCE = 0.95
"""A change or a negative estimate counts when this interval, Student's t over chains, excludes zero."""

FORGOTTEN_SHARE = 0.75
"""Chains are saturated when they give up this share of what training has gained."""

LEAST_GAIN = 0.05
"""Below this gain over the untrained loss (relative to it) the share above has no meaning."""


def chain_diagnostics(draws: np.ndarray) -> tuple[float, float]:
    """Return R-hat and the effective sample size of draws, shape (chain, draw).

    Rank-normalised split R-hat and bulk effective sample size (Vehtari et al. 2021), by
    arviz-stats. NaN where there are no chains, fewer than four draws or draws that do not vary.
    """
    if draws.shape[0] == 0 or draws.shape[1] < 4 or not np.ptp(draws) > 0:
        return float("nan"), float("nan")
    from arviz_stats.base import array_stats  # here: half a second that other jobs need not wait

    axes = {"chain_axis": 0, "draw_axis": 1}
    return float(array_stats.rhat(draws, **axes)), float(
        array_stats.ess(draws, method="bulk", **axes)
    )


def locality(llc: xr.Dataset, untrained_loss: float, constant_loss: float) -> xr.Dataset:
    """Judge at every checkpoint whether chains still know where they began.

    Parameters
    ----------
    llc : xarray.Dataset
        Estimates along ``step``, as `llc.estimate.estimate_llc` makes them.
    untrained_loss : float
        Loss of the network before training.
    constant_loss : float
        Loss of the best constant predictor.

    Returns
    -------
    xarray.Dataset
        Of the chains that did not diverge: ``mean_loss(step)`` (E[L], from the paired excess),
        ``forgotten_share(step)`` = (E[L] - L(w*)) / (L(untrained) - L(w*)) and
        ``mean_displacement(step)`` = mean |w - w*| / |w*|. Besides ``saturated(step)``, and the two
        reference losses.

    Notes
    -----
    Saturated chains report the loss of a network that knows nothing, whichever checkpoint they began
    at, so that the LLC is an affine function of the loss and says nothing of its own. A checkpoint
    counts as saturated when its chains give up at least `FORGOTTEN_SHARE` of what training had
    gained. Where nothing has been gained yet (less than `LEAST_GAIN` of the untrained loss) that share
    has no meaning, and chains count as saturated when they end farther from w* than w* is from 0.
    """
    stayed = ~llc["diverged"].astype(bool)  # a chain that ran away says nothing of the others
    excess = (llc["loss"] - llc["baseline_loss"]).where(stayed)
    mean_excess = excess.mean(("chain", "draw"))
    gain = untrained_loss - llc["init_loss"]
    known = gain > LEAST_GAIN * untrained_loss
    share = (mean_excess / gain).where(known)
    displacement = llc["displacement"].where(stayed)
    saturated = xr.where(known, share >= FORGOTTEN_SHARE, displacement[..., -1].mean("chain") >= 1)
    return LLC.describe(
        xr.Dataset(
            {
                "mean_loss": llc["init_loss"] + mean_excess,
                "forgotten_share": share,
                "mean_displacement": displacement.mean(("chain", "draw")),
                "saturated": saturated,
                "untrained_loss": untrained_loss,
                "constant_loss": constant_loss,
            }
        )
    )


class EstimateVerdict(NamedTuple):
    """One word of `llc.estimate_layout.VERDICTS_OF_ESTIMATES` on an estimate, and what it rests on."""

    verdict: str
    reason: str


def judge(estimate: xr.Dataset, untrained_loss: float | None = None) -> EstimateVerdict:
    """Say whether to trust an estimate, and why not.

    Parameters
    ----------
    estimate : xarray.Dataset
        One estimate, as `llc.estimate.estimate_llc` makes it.
    untrained_loss : float, optional
        Loss of the network before training. Without it no chain can be called saturated.

    Returns
    -------
    EstimateVerdict
        The first of these that holds. diverged: more than half of the chains ran away. escaped: the
        estimate is negative beyond its error, chains found a lower loss than L(w*). saturated: see
        `locality`. drifting: R-hat exceeds `MAX_RHAT`, or the estimate changes between the halves of
        the draws by more than `MAX_DRIFT` of itself and more than its error. Else ok.
    """
    mean, total = float(estimate["llc_mean"]), estimate.sizes["chain"]
    failed = int(estimate["num_diverged"])
    kept = ~estimate["diverged"].to_numpy().astype(bool)
    if not np.isfinite(mean):
        return EstimateVerdict("diverged", f"{failed} of {total} chains ran away")
    if mean < -_margin(estimate["llc"].to_numpy()[kept]):
        error = float(estimate["llc_stderr"])
        return EstimateVerdict("escaped", f"LLC {mean:.3g} ± {error:.2g}: chains sank below L(w*)")
    if untrained_loss is not None:
        where = locality(estimate, untrained_loss, np.nan)
        if bool(where["saturated"]):
            return EstimateVerdict("saturated", _forgotten(where))
    rhat = float(estimate["rhat"])
    if rhat > MAX_RHAT:
        return EstimateVerdict("drifting", f"R-hat is {rhat:.2f}: chains disagree")
    drift = estimate["drift"].to_numpy()[kept]
    change = float(drift.mean())
    if abs(change) > max(MAX_DRIFT * abs(mean), _margin(drift)):
        return EstimateVerdict(
            "drifting", f"LLC {mean:.3g} changes by {change:.2g} between halves of the draws"
        )
    note = f", {failed} of {total} chains left out" if failed else ""
    return EstimateVerdict("ok", f"R-hat {rhat:.2f}, drift {change:.2g}{note}")


def _margin(values: np.ndarray) -> float:
    """Return half the width of the interval of a mean over chains; none for a single chain."""
    if len(values) < 2:
        return 0.0
    quantile = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2))
    return quantile * float(values.std(ddof=1)) / float(np.sqrt(len(values)))


def _forgotten(where: xr.Dataset) -> str:
    share = float(where["forgotten_share"])
    if np.isfinite(share):
        return f"chains gave up {100 * share:.0f} % of what training had gained"
    return "nothing was learned yet, and chains went farther from w* than w* is from 0"


def judge_all(llc: xr.Dataset, untrained_loss: float) -> xr.Dataset:
    """Return ``verdict(step)`` and ``reason(step)`` of estimates along ``step``; see `judge`."""
    judged = [judge(llc.sel(step=step), untrained_loss) for step in llc["step"].values]
    verdicts, reasons = (np.array(words, dtype=object) for words in zip(*judged, strict=True))
    return LLC.dataset({"verdict": verdicts, "reason": reasons}, {"step": llc["step"]})
