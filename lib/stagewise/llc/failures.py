"""Estimates made to fail: what diverged, drifting and escaped chains look like (Fig. 41)."""

from __future__ import annotations

import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.along import estimate_at
from stagewise.llc.diagnostics import judge
from stagewise.llc.layout import FAILURE
from stagewise.llc.settings import AXES, SGLDConfig


def failing_estimate(
    subject: Subject, step: int, config: SGLDConfig, *, untrained_loss: float, key: StreamKey
) -> xr.Dataset:
    """Estimate an LLC and judge it, with its settings as variables, so that several can be joined.

    Parameters
    ----------
    subject, step, config, key
        As for `llc.along.estimate_at`.
    untrained_loss : float
        Loss of the network before training.

    Returns
    -------
    xarray.Dataset
        The estimate without its burn-in and attributes, with ``verdict`` and ``reason`` of
        `llc.diagnostics.judge`, the settings that differ between failures and ``step``.
    """
    estimate = estimate_at(subject, step, config, key=key)
    verdict, reason = judge(estimate, untrained_loss)
    settings = {name: getattr(config, name) for name in AXES}
    result = estimate.drop_vars("burnin_loss").assign(
        step=step, verdict=verdict, reason=reason, **settings
    )
    result.attrs = {}
    return FAILURE.describe(result)
