"""The gradient flow of a setting, from the initial vectors of its runs, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from stagewise.core.schedules import checkpoint_steps
from stagewise.core.seeding import StreamKey
from stagewise.studies.scurves.flow import gradient_flow, squared_errors
from stagewise.studies.scurves.layout import FLOW
from stagewise.studies.scurves.settings import Setting
from stagewise.studies.scurves.tasks import draw_vectors


def flow_of_setting(setting: Setting, records: Mapping[str, Any], root_seed: int) -> xr.Dataset:
    """Integrate the flow of every case and seed, at the recorded steps times the learning rate.

    Parameters
    ----------
    setting : Setting
        A product of two components learned by gradient descent.
    records : mapping
        ``num_linear`` and ``num_logarithmic`` of the study.
    root_seed : int

    Returns
    -------
    Dataset
        Layout `scurves.layout.FLOW`.
    """
    steps = checkpoint_steps(setting.num_steps, **records)
    key = StreamKey(root_seed, ("scurves",))
    seeds = range(setting.num_seeds)
    drawn = (vectors.double().numpy() for vectors in draw_vectors(setting, key, seeds))
    targets, initial = drawn
    shape = (len(setting.cases), setting.num_seeds, len(steps))
    loss, norm = np.empty(shape), np.empty((*shape, 2))
    for case, (rate, decay) in enumerate(setting.cases):
        for seed in seeds:
            path = gradient_flow(initial[seed], targets[seed], rate * steps, decay)
            loss[case, seed] = squared_errors(path, targets[seed])
            norm[case, seed] = np.linalg.norm(path[:, :, 0], axis=-1)
    return FLOW.dataset(
        {"loss": loss, "norm": norm},
        coords={
            "step": steps,
            "seed": list(seeds),
            "learning_rate": ("case", [rate for rate, _ in setting.cases]),
        },
        attributes={"setting": setting.name},
    )
