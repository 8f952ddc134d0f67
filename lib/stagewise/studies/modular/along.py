"""Runs of a setting followed along training: something is measured at every checkpoint of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.core.replicas import Params
from stagewise.stores.checkpoints import Checkpoints
from stagewise.stores.layout import StoreLayout
from stagewise.studies.modular.program import Setting

Measure = Callable[[int, Params], Mapping[str, Any]]
"""What is measured of a run at a step, by variable of a layout: numbers or arrays."""


def measured_along(
    setting: Setting,
    checkpoints: Checkpoints,
    seeds: Sequence[int],
    measure_of: Callable[[int], Measure],
    layout: StoreLayout,
    coords: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Measure some runs of a setting at every checkpoint.

    Parameters
    ----------
    setting : Setting
    checkpoints : Checkpoints
    seeds : sequence of int
        Of the setting's first case.
    measure_of : callable
        Takes a seed, and returns what measures its run.
    layout : StoreLayout
        Its variables are along seed, step and the dimensions of what is measured, in this order.
    coords : mapping, optional
        Of the dimensions of what is measured.
    """
    shape = len(seeds), len(checkpoints.steps)
    heartbeat = Heartbeat("checkpoint", shape[0] * shape[1])
    found: list[Mapping[str, Any]] = []
    for seed in seeds:
        measure = measure_of(seed)
        for index, step in enumerate(checkpoints.steps):
            found.append(measure(int(step), checkpoints.of(index, seed)))
            heartbeat.beat(len(found))
    stacked = {name: np.stack([one[name] for one in found]) for name in layout.variables}
    return layout.dataset(
        {name: values.reshape(*shape, *values.shape[1:]) for name, values in stacked.items()},
        coords={"seed": list(seeds), "step": checkpoints.steps, **(coords or {})},
        attributes={**setting.program.attributes(), "setting": setting.name},
    )
