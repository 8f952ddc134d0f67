"""Estimates made to fail: what diverged, drifting and escaped chains look like (Fig. 41)."""

from __future__ import annotations

from typing import Any

import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc.along import estimate_at
from stagewise.llc.diagnostics import judge
from stagewise.llc.settings import SGLDConfig

SETTINGS = {
    "step_size": ("1", "step size of SGLD"),
    "n_beta": ("1", "inverse temperature times number of samples"),
    "localization": ("1", "strength of the pull to w*"),
}
"""What differs between failures: unit and description."""


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
        `llc.diagnostics.judge`, the variables in `SETTINGS` and ``step``.
    """
    estimate = estimate_at(subject, step, config, key=key)
    judged = judge(estimate, untrained_loss)
    words = {
        "verdict": ("whether to trust the estimate", judged.verdict),
        "reason": ("what the verdict rests on", judged.reason),
    }
    described: dict[str, Any] = {"step": ((), step, _attributes("step", "step"))}
    described |= {name: ((), word, _attributes("1", text)) for name, (text, word) in words.items()}
    for name, (units, text) in SETTINGS.items():
        described[name] = ((), getattr(config, name), _attributes(units, text))
    result = estimate.drop_vars("burnin_loss").assign(described)
    result.attrs = {}
    return result


def _attributes(units: str, long_name: str) -> dict[str, str]:
    return {"units": units, "long_name": long_name}
