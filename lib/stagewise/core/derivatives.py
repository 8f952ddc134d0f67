"""Time derivatives of a metric on the checkpoint grid."""

from __future__ import annotations

import numpy as np
import xarray as xr


def slope_of(steps: np.ndarray, values: np.ndarray) -> xr.Dataset:
    """Time derivatives of a metric by central differences on the checkpoint grid.

    Parameters
    ----------
    steps : ndarray, shape (T,)
        Optimiser steps, increasing, not negative, at least three.
    values : ndarray, shape (T,)
        The metric; NaN spreads to the neighbours.

    Returns
    -------
    xarray.Dataset
        Over ``step``: ``d_dt`` (units of the metric a step), ``d_dlogt`` (units of the metric) and
        ``dlog_dlogt`` (dimensionless). Second order at inner points of an uneven grid, one-sided at
        the ends. The logarithmic ones are NaN at step 0, the last also where the metric is not
        positive.

    Raises
    ------
    ValueError
        If the shapes disagree, there are fewer than three steps or they do not increase.
    """
    steps, values = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    if steps.ndim != 1 or steps.shape != values.shape or steps.size < 3:
        raise ValueError(
            f"slopes need steps and values of one length, at least 3; got {steps.shape} and "
            f"{values.shape}"
        )
    if steps[0] < 0 or not (np.diff(steps) > 0).all():
        raise ValueError("steps must increase and must not be negative")
    later = steps > 0
    log_steps = np.log(steps, out=np.full_like(steps, np.nan), where=later)
    log_values = np.log(values, out=np.full_like(values, np.nan), where=values > 0)
    by_log, log_by_log = np.full_like(values, np.nan), np.full_like(values, np.nan)
    if later.sum() > 1:
        by_log[later] = np.gradient(values[later], log_steps[later])
        log_by_log[later] = np.gradient(log_values[later], log_steps[later])
    return xr.Dataset(
        {
            "d_dt": ("step", np.gradient(values, steps)),
            "d_dlogt": ("step", by_log),
            "dlog_dlogt": ("step", log_by_log),
        },
        coords={"step": steps},
    )
