"""What a batched program records of its replicas along the way, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.core.training import Journal, gathered
from stagewise.studies.modular.curves_layout import CURVES
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.stacked import AT_ONCE, Pairs, stacked_logits


def curves_of(
    journal: Journal,
    program: Program,
    replicas: Sequence[Replica],
    parameter_names: Sequence[str],
    diverged_step: Tensor,
) -> xr.Dataset:
    """Return what was recorded of a program, as a labelled dataset.

    Parameters
    ----------
    journal : Journal
        Holds the `measurements` of each recorded step.
    program : Program
    replicas : sequence of Replica
    parameter_names : sequence of str
    diverged_step : Tensor of int64, shape (replica,)
        -1 for replicas that have not diverged.
    """
    recorded = [name for name in CURVES.variables if name != "diverged_step"]
    found = {name: gathered(journal, name) for name in recorded}
    values = {name: rows.swapaxes(0, 1).copy() for name, (_, rows) in found.items()}
    fields = ("name", "seed", "learning_rate", "weight_decay", "initial_scale")
    coords = {field: ("replica", [getattr(r, field) for r in replicas]) for field in fields}
    places = {
        "replica": np.arange(len(replicas)),
        "step": found["train_loss"][0],
        "parameter": list(parameter_names),
    }
    curves = CURVES.dataset(
        values | {"diverged_step": diverged_step.numpy()}, coords | places, program.attributes()
    )
    if program.loss == "mse":
        for part in ("train", "test"):
            curves[f"{part}_loss"].attrs["units"] = "1"
    return curves


@torch.no_grad()
def measurements(program: Program, params: Params, pairs: Pairs) -> dict[str, Tensor]:
    """Return what is recorded of a state, float64, shape (replica,); norms also by parameter.

    Parameters
    ----------
    program : Program
    params : dict of str to Tensor, each of shape (replica, ...)
    pairs : Pairs, each of shape (replica, p^2)
        The training set first.
    """
    size = max(1, AT_ONCE // (pairs.labels.shape[1] * program.task.modulus))
    parts: list[dict[str, Tensor]] = []
    for first in range(0, len(pairs.labels), size):
        some = slice(first, first + size)
        own = {name: values[some] for name, values in params.items()}
        parts.append(_per_pair(program, own, pairs.part(some, slice(None))))
    sets = {"train": slice(program.task.num_train), "test": slice(program.task.num_train, None)}
    norms = torch.stack([value.double().flatten(1).norm(dim=1) for value in params.values()], dim=1)
    return {
        f"{part}_{name}": torch.cat([values[name][:, where].mean(1) for values in parts])
        for part, where in sets.items()
        for name in parts[0]
    } | {"weight_norm": norms.norm(dim=1), "parameter_norm": norms}


def _per_pair(program: Program, params: Params, pairs: Pairs) -> dict[str, Tensor]:
    """Return each pair's values, float64, shape (replica, pair)."""
    outputs = stacked_logits(params, program.network, pairs.left, pairs.right)
    labels = pairs.labels[..., None]
    correct = outputs.gather(-1, labels).squeeze(-1).double()
    margin = correct - outputs.mean(-1)
    entropy = -outputs.log_softmax(-1).gather(-1, labels).squeeze(-1).double()
    loss = entropy
    if program.loss == "mse":
        # The squared distance to the label's unit vector, that entry apart from the others.
        others = outputs.scatter(-1, labels, 0.0).square().sum(-1).double()
        loss = (others + (correct - 1).square()) / outputs.shape[-1]
    return {
        "loss": loss,
        "accuracy": (outputs.argmax(-1) == pairs.labels).double(),
        "margin": margin,
        "log_partition": entropy + margin,
    }
