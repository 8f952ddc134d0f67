"""What a batched program records of its replicas along the way, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.core.training import Journal, gathered
from stagewise.studies.modular.settings import Program, Replica
from stagewise.studies.modular.stacked import AT_ONCE, Pairs, stacked_logits

_CURVE = ("replica", "step")
_TEXTS: Mapping[str, tuple[str, str]] = {
    "loss": ("{loss}", "loss"),
    "accuracy": ("1", "share of pairs whose largest logit is that of their label"),
    "margin": ("1", "mean logit of the label minus mean logit"),
    "log_partition": (
        "nat",
        "mean logarithm of the sum over residues of exp(logit minus mean logit); "
        "minus the margin it is the cross-entropy, and log p while logits are close",
    ),
}
"""Unit and name of what is measured on the training and on the test set."""

_NORMS = ("weight_norm", "parameter_norm")

_UNITS = {"cross_entropy": "nat", "mse": "1"}


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
    names = (*(f"{part}_{name}" for part in ("train", "test") for name in _TEXTS), *_NORMS)
    found = {name: gathered(journal, name) for name in names}
    variables = {
        name: (
            _CURVE + ("parameter",) * (values.ndim - 2),
            values.swapaxes(0, 1).copy(),
            _description(program, name),
        )
        for name, (_, values) in found.items()
    }
    variables["diverged_step"] = (
        ("replica",),
        diverged_step.numpy(),
        {"units": "update", "long_name": "step with a non-finite training loss; -1 if none"},
    )
    fields = ("name", "seed", "learning_rate", "weight_decay", "initial_scale")
    coords = {field: ("replica", [getattr(r, field) for r in replicas]) for field in fields}
    return xr.Dataset(
        variables,
        coords={
            **coords,
            "replica": np.arange(len(replicas)),
            "step": found["train_loss"][0],
            "parameter": list(parameter_names),
        },
        attrs=program.attributes(),
    )


def _description(program: Program, name: str) -> dict[str, str]:
    if name == "weight_norm":
        return {"units": "1", "long_name": "length of all parameters, frozen ones included"}
    if name == "parameter_norm":
        return {"units": "1", "long_name": "length of each parameter"}
    part, kind = name.split("_", 1)
    units, text = _TEXTS[kind]
    place = "training set" if part == "train" else "test set"
    return {
        "units": units.format(loss=_UNITS[program.loss]),
        "long_name": f"{text}, {place}",
    }


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
        for name in _TEXTS
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
