"""Estimates made to fail: what diverged, drifting and escaped chains look like (Fig. 41)."""

from __future__ import annotations

from collections.abc import Mapping

import xarray as xr
from torch import Tensor

from stagewise.core.replicas import LossFunction
from stagewise.core.seeding import StreamKey
from stagewise.llc.diagnostics import judge
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.minibatches import BatchSource
from stagewise.llc.settings import SGLDConfig

SETTINGS = {
    "step_size": ("1", "step size of SGLD"),
    "n_beta": ("1", "inverse temperature times number of samples"),
    "localization": ("1", "strength of the pull to w*"),
}
"""What differs between failures: unit and description."""


def failing_estimate(
    loss_fn: LossFunction,
    params: Mapping[str, Tensor],
    batches: BatchSource,
    config: SGLDConfig,
    *,
    untrained_loss: float,
    key: StreamKey,
) -> xr.Dataset:
    """Estimate an LLC and judge it, with its settings as variables, so that several can be joined.

    Parameters
    ----------
    loss_fn, params, batches, config, key
        As for `llc.estimate.estimate_llc`.
    untrained_loss : float
        Loss of the network before training.

    Returns
    -------
    xarray.Dataset
        The estimate without its burn-in and attributes, with ``verdict`` and ``reason`` of
        `llc.diagnostics.judge`, and the variables in `SETTINGS`.
    """
    estimate = estimate_llc(loss_fn, params, batches, config, key=key)
    judged = judge(estimate, untrained_loss)
    words = {
        "verdict": ("whether to trust the estimate", judged.verdict),
        "reason": ("what the verdict rests on", judged.reason),
    }
    described = {name: ((), word, _attributes("1", text)) for name, (text, word) in words.items()}
    for name, (units, text) in SETTINGS.items():
        described[name] = ((), getattr(config, name), _attributes(units, text))
    result = estimate.drop_vars("burnin_loss").assign(described)
    result.attrs = {}
    return result


def _attributes(units: str, long_name: str) -> dict[str, str]:
    return {"units": units, "long_name": long_name}
