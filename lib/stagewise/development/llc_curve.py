"""The LLC over training as a smooth curve with its uncertainty: a Gaussian process in log time.

Smoothing and thresholds of stage detection are kept together in `StageSettings`.
Source: Hoogland et al. (2024), Appendix A.5.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
import scipy.linalg
import scipy.optimize
import xarray as xr
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from stagewise.core.unanswered import UnansweredError
from stagewise.development.layout import CURVE, SOUND_SHARE
from stagewise.development.settings import MIN_CHECKPOINTS, StageSettings

logger = logging.getLogger(__name__)


def usable_llc(judged: xr.Dataset, settings: StageSettings) -> np.ndarray:
    """Return the LLC of every checkpoint, NaN where its verdict or its step is one to leave out.

    All are kept if too few would remain.

    Parameters
    ----------
    judged : Dataset
        Layout `llc.layout.LLC`.
    settings : StageSettings
    """
    llc = judged["llc_mean"].to_numpy().astype(float)
    steps = judged["step"].to_numpy()
    sound = ~np.isin(judged["verdict"].to_numpy().astype(str), settings.leave_out)
    sound &= steps >= settings.first_share * steps[-1]
    if (sound & np.isfinite(llc)).sum() < MIN_CHECKPOINTS:
        logger.warning("too few sound estimates for a curve: all %d are used", len(llc))
        return llc
    return np.where(sound, llc, np.nan)


def with_soundness(stages: pd.DataFrame, judged: xr.Dataset) -> pd.DataFrame:
    """Return stages with how many of the curve's estimates are ok, and whether these are enough.

    Parameters
    ----------
    stages : DataFrame
        ``stages`` of `development.stages.find_stages`.
    judged : Dataset
        Layout `llc.layout.LLC`.
    """
    sound, count = int((judged["verdict"] == "ok").sum()), judged.sizes["step"]
    enough = sound >= SOUND_SHARE * count
    return stages.assign(sound=enough, num_sound=sound, num_estimates=count)


def fit_llc_curve(
    steps: np.ndarray,
    llc: np.ndarray,
    stderr: np.ndarray,
    settings: StageSettings,
    seed: int,
    chains: np.ndarray | None = None,
) -> xr.Dataset:
    """Smooth the LLC over training with a Gaussian process.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative.
    llc, stderr : ndarray, shape (T,)
        Estimates and their standard errors. Checkpoints whose estimate is NaN (diverged chains) are
        left out. A standard error that is missing, zero or negative is replaced by the median of
        the known ones; if none is known the noise is estimated from the scatter.
    settings : StageSettings
        Smoothing.
    seed : int
        Seed of the posterior draws.
    chains : ndarray, shape (C, T), optional
        Estimates of each chain, if chain c met the same noise at every checkpoint: its errors move
        together along the curve, and the spread of whole curves over chains says how far. Not finite
        where a chain diverged. Without it errors are independent.

    Returns
    -------
    xarray.Dataset
        Over an even ``grid`` in u = log(1 + t), with coordinate ``step``: posterior ``mean`` and
        ``sd``, ``slope`` and ``slope_sd``, ``slope_draws (draw, grid)``, and ``noise_draws (draw,
        grid)``, curves that the same smoothing makes of noise alone. The slope is d llc / d u,
        which is d llc / d log t times (1 + 1/t): without that factor, which tends to zero with t,
        the initial point would always look like a plateau. Attributes: ``length_scale``,
        ``noise_sd``, ``num_used``, ``num_left_out``, ``num_stderr_replaced`` and ``bounds_hit``,
        the names of the hyperparameters that ended at a bound.

    Raises
    ------
    ValueError
        If the shapes disagree or the steps do not increase.
    stagewise.core.unanswered.UnansweredError
        If fewer than five estimates are finite.
    """
    steps, llc, stderr = (np.asarray(values, dtype=float) for values in (steps, llc, stderr))
    if not steps.shape == llc.shape == stderr.shape or steps.ndim != 1:
        raise ValueError(
            f"steps, llc and stderr differ in shape: {steps.shape}, {llc.shape}, {stderr.shape}"
        )
    used = np.isfinite(llc)
    if used.sum() < MIN_CHECKPOINTS:
        raise UnansweredError(
            f"only {used.sum()} of {used.size} checkpoints have a finite LLC; {MIN_CHECKPOINTS} are "
            "needed to find stages"
        )
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must increase and must not be negative")
    u, values, errors = np.log1p(steps[used]), llc[used], stderr[used]
    known = np.isfinite(errors) & (errors > 0)
    usual = np.median(errors[known]) if known.any() else 0.0
    errors = np.where(known, errors, usual)
    centre, scale = values.mean(), values.std()
    scale = scale if scale > 0 else 1.0
    # 1e-8 keeps the covariance matrix positive definite where a standard error is negligible.
    alpha = (errors / scale) ** 2 + 1e-8
    kernel = ConstantKernel(1.0, (1e-2, 1e3)) * RBF(
        np.clip(1.0, *settings.length_scale_bounds), settings.length_scale_bounds
    )
    if settings.estimate_noise or not known.any():
        kernel = kernel + WhiteKernel(1e-3, (1e-6, 1.0))
    model = GaussianProcessRegressor(kernel, alpha=alpha, optimizer=_most_probable)
    with warnings.catch_warnings():
        # A hyperparameter at its bound is expected (no excess noise, smoothing limit) and reported.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(u[:, None], (values - centre) / scale)
    fitted = model.kernel_
    noise = fitted.k2.noise_level if isinstance(fitted.k2, WhiteKernel) else 0.0
    signal = fitted.k1 if isinstance(fitted.k2, WhiteKernel) else fitted

    grid = np.linspace(u[0], u[-1], settings.grid_points)
    mean = model.predict(grid[:, None])
    # The posterior of the smooth part alone: excess noise is scatter, not shape.
    cross = signal(u[:, None], grid[:, None])
    solved = np.linalg.solve(model.L_, cross)
    covariance = signal(grid[:, None]) - solved.T @ solved
    eigenvalues, modes = np.linalg.eigh(covariance)
    root = modes * np.sqrt(np.maximum(eigenvalues, 0.0))
    rng = np.random.default_rng(seed)
    draws = rng.standard_normal((settings.num_draws, grid.size)) @ root.T
    slope = np.gradient(mean, grid)
    # What the smoother makes of noise: mean = smoother @ values.
    smoother = scipy.linalg.cho_solve((model.L_, True), cross).T
    common = _common(chains, used) / scale
    shared = rng.standard_normal((settings.num_draws, len(common))) @ common @ smoother.T
    own = np.sqrt(noise) if len(common) else np.sqrt(noise + alpha)
    errors = own * rng.standard_normal((settings.num_draws, u.size)) @ smoother.T
    draws += shared
    variance = (root**2).sum(axis=1) + ((common @ smoother.T) ** 2).sum(axis=0)
    slope_variance = (np.gradient(root, grid, axis=0) ** 2).sum(axis=1) + (
        np.gradient(common @ smoother.T, grid, axis=1) ** 2
    ).sum(axis=0)

    return CURVE.dataset(
        {
            "mean": centre + scale * mean,
            "sd": scale * np.sqrt(variance),
            "slope": scale * slope,
            "slope_sd": scale * np.sqrt(slope_variance),
            "slope_draws": scale * (slope + np.gradient(draws, grid, axis=1)),
            "noise_draws": scale * (shared + errors),
        },
        coords={"grid": grid, "step": np.expm1(grid)},
        attributes={
            "length_scale": float(signal.k2.length_scale),
            "noise_sd": float(scale * np.sqrt(noise)),
            "num_used": int(used.sum()),
            "num_left_out": int((~used).sum()),
            "num_stderr_replaced": int((~known).sum()),
            "bounds_hit": _bounds_hit(model),
        },
    )


def _common(chains: np.ndarray | None, used: np.ndarray) -> np.ndarray:
    """Errors of the mean over chains that move together, one row a chain; none without chains.

    Weighted by independent normal numbers the rows sum to a curve of errors. Few chains know their
    spread badly: Student's t with one degree less than there are chains has so much more variance.
    """
    if chains is None or len(chains) < 2:
        return np.empty((0, int(used.sum())))
    deviation = chains[:, used] - np.nanmean(chains[:, used], axis=0)
    deviation = np.where(np.isfinite(deviation), deviation, 0.0)
    count = len(chains)
    wider = (count - 1) / max(count - 3, 1)
    return deviation * np.sqrt(wider / (count * (count - 1)))


def _most_probable(
    objective: Callable[..., tuple[float, np.ndarray]], initial: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, float]:
    """Minimise the negative log likelihood with a prior that keeps hyperparameters off their bounds.

    Logarithms of signal variance, length scale and noise variance are normal about the
    middle of their bounds, which are three standard deviations away: some thirty checkpoints can leave
    the likelihood flat to the end.
    """
    middle, width = bounds.mean(axis=1), (bounds[:, 1] - bounds[:, 0]) / 6

    def penalised(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(theta)
        away = (theta - middle) / width
        return value + 0.5 * float(away @ away), gradient + away / width

    found = scipy.optimize.minimize(penalised, initial, method="L-BFGS-B", jac=True, bounds=bounds)
    return found.x, float(found.fun)


def _bounds_hit(model: GaussianProcessRegressor) -> str:
    """Names of the hyperparameters whose estimate lies at a bound, separated by commas."""
    theta, bounds = model.kernel_.theta, model.kernel_.bounds
    names = [parameter.name for parameter in model.kernel_.hyperparameters]
    at_bound = np.isclose(theta[:, None], bounds, atol=1e-3).any(axis=1)
    return ", ".join(name for name, hit in zip(names, at_bound, strict=True) if hit)
