"""What a batched program records of its replicas along the way, as a labelled dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.modular.resume import State
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

_UNITS = {"cross_entropy": "nat", "mse": "1"}


class Recorder:
    """Keeps losses, accuracies, logits and norms of every replica at given steps.

    Parameters
    ----------
    program : Program
    pairs : Pairs, each of shape (replica, p^2)
        The training set first.
    parameter_names : sequence of str
    steps : sequence of int
        Ascending.
    """

    def __init__(
        self, program: Program, pairs: Pairs, parameter_names: Sequence[str], steps: Sequence[int]
    ) -> None:
        self.program, self.pairs = program, pairs
        self.names, self.steps = tuple(parameter_names), tuple(steps)
        self._place = {step: index for index, step in enumerate(self.steps)}
        shape = (len(pairs.labels), len(self.steps))
        curves = [f"{part}_{name}" for part in ("train", "test") for name in _TEXTS]
        self.values = {name: np.full(shape, np.nan) for name in (*curves, "weight_norm")}
        self.values["parameter_norm"] = np.full((*shape, len(self.names)), np.nan)

    @torch.no_grad()
    def observe(self, step: int, params: Params, alive: Tensor) -> Tensor:
        """Record a state; replicas that have diverged keep the NaN that they began with.

        Parameters
        ----------
        step : int
            Without effect if it is not among the steps.
        params : dict of str to Tensor, each of shape (replica, ...)
        alive : Tensor of bool, shape (replica,)

        Returns
        -------
        Tensor of bool, shape (replica,)
            Which replicas are still alive, the loss on the training set being finite.
        """
        if step not in self._place or not alive.any():
            return alive
        values = measurements(self.program, params, self.pairs)
        alive = alive & values["train_loss"].isfinite()
        norms = [params[name].double().flatten(1).norm(dim=1) for name in self.names]
        values["parameter_norm"] = torch.stack(norms, dim=1)
        values["weight_norm"] = values["parameter_norm"].norm(dim=1)
        for name, value in values.items():
            self.values[name][alive.numpy(), self._place[step]] = value[alive].numpy()
        return alive

    def state(self) -> State:
        """Return what has been recorded."""
        return {name: torch.from_numpy(values) for name, values in self.values.items()}

    def restore(self, state: State) -> None:
        """Take over what was recorded."""
        self.values = {name: values.numpy().copy() for name, values in state.items()}

    def dataset(
        self, replicas: Sequence[Replica], diverged_step: Tensor, seed_root: int
    ) -> xr.Dataset:
        """Return what was recorded.

        Parameters
        ----------
        replicas : sequence of Replica
        diverged_step : Tensor of int64, shape (replica,)
            -1 for replicas that have not diverged.
        seed_root : int
            Root of all random streams.
        """
        variables = {
            name: (
                _CURVE + ("parameter",) * (values.ndim - 2),
                values,
                _description(self.program, name),
            )
            for name, values in self.values.items()
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
                "step": np.array(self.steps, dtype=np.int64),
                "parameter": list(self.names),
            },
            attrs={**self.program.attributes(), "root_seed": seed_root},
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
    """Return loss, accuracy, margin and log partition on either set, float64, shape (replica,).

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
    return {
        f"{part}_{name}": torch.cat([values[name][:, where].mean(1) for values in parts])
        for part, where in sets.items()
        for name in _TEXTS
    }


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
