"""How far to trust an estimate: convergence of chains, and whether they stayed near the checkpoint."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from stagewise.llc.estimate_layout import LLC
from stagewise.llc.settling import free_growth, held, margin

MAX_RHAT = 1.1
"""Chains disagree above this R-hat (Gelman et al. 2013, Bayesian Data Analysis, section 11.4)."""

MAX_DRIFT = 0.1
"""The estimate may change by this share of itself from the first to the second half of the draws."""

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
        the draws by more than `MAX_DRIFT` of itself and more than its error, or chains still walk as
        if nothing held them; see `still_walking`. Else ok.
    """
    mean, total = float(estimate["llc_mean"]), estimate.sizes["chain"]
    failed = int(estimate["num_diverged"])
    kept = ~estimate["diverged"].to_numpy().astype(bool)
    if not np.isfinite(mean):
        return EstimateVerdict("diverged", f"{failed} of {total} chains ran away")
    if mean < -margin(estimate["llc"].to_numpy()[kept]):
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
    if abs(change) > max(MAX_DRIFT * abs(mean), margin(drift)):
        return EstimateVerdict(
            "drifting", f"LLC {mean:.3g} changes by {change:.2g} between halves of the draws"
        )
    if still_walking(estimate):
        return EstimateVerdict("drifting", _walk(estimate))
    note = f", {failed} of {total} chains left out" if failed else ""
    return EstimateVerdict("ok", f"R-hat {rhat:.2f}, drift {change:.2g}{note}")


def still_walking(estimate: xr.Dataset) -> bool:
    """Say whether nothing shows that chains from w* have come to rest.

    They have if one of these holds: their |w - w*|^2 mixes, by its R-hat; it is shown to grow less than
    `settling.FREE_SHARE` as fast as a free walk's; the loss is, which is what counts where flat
    directions go on widening without a change of it. Chains that begin spread over the posterior have if
    they made the 2 / epsilon steps in which even the stiffest direction forgets where it began.
    """
    settings = estimate.attrs
    steps = estimate.sizes["draw"] * int(settings.get("steps_per_draw", 1))
    burnin = int(settings.get("num_burnin", 0))
    if settings.get("start", "checkpoint") != "checkpoint":
        preconditioned = settings["preconditioner"] != "none"
        return bool(preconditioned and (burnin + steps) * settings["step_size"] < 2)
    if float(estimate["displacement_rhat"]) <= MAX_RHAT:
        return False
    kept = ~estimate["diverged"].to_numpy().astype(bool)
    excess = (estimate["loss"] - estimate["baseline_loss"]).to_numpy()[kept]
    # Each half has half of the effective draws: the error of their difference is twice that of the mean.
    error = 2 * float(excess.std()) / np.sqrt(float(estimate["ess"]))
    spread = estimate["spread"].to_numpy()[kept]
    mean = float(excess.mean())
    free = free_growth(burnin, steps)
    grown = float(estimate["drift"].to_numpy()[kept].mean()) / float(settings["n_beta"])
    return not (
        held(spread.mean(), margin(spread), 1.0, free) or held(grown, 2 * error, mean, free)
    )


def _walk(estimate: xr.Dataset) -> str:
    """Say that chains still walk, with the steps that a flat direction would take, and the remedy."""
    settings = estimate.attrs
    made = int(settings.get("num_burnin", 0)) + estimate.sizes["draw"] * int(
        settings.get("steps_per_draw", 1)
    )
    needed = ""
    if "step_size" in settings and settings.get("preconditioner", "none") == "none":
        rate = float(settings["step_size"]) * float(settings["localization"])
        forget = f"{2 / rate:.3g}" if rate else "infinitely many"
        needed = f" of the {forget} that flat directions take"
    return (
        f"chains still walk away from w* after {made} steps{needed}: raise step_size while chains "
        "stay, then num_burnin and num_draws"
    )


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
