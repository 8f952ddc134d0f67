"""What the networks of one batched program share, and what sets each of them apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import Any

import torch

from stagewise.core.seeding import StreamKey
from stagewise.core.updates import OptimiserSettings
from stagewise.studies.modular.model import NetworkSettings
from stagewise.studies.modular.task import TaskSettings
from stagewise.studies.modular.transformer import TransformerSettings

Network = NetworkSettings | TransformerSettings

LOSSES = ("cross_entropy", "mse")
PRECISIONS = {"single": torch.float32, "double": torch.float64}


@dataclass(frozen=True)
class Replica:
    """One network of a program.

    Parameters
    ----------
    name : str
        Names the random streams, together with the seed; replicas that share both have the same
        split, labels and batches, and the same initial parameters up to their scale.
    seed : int
    learning_rate : float
    weight_decay : float
        With "adamw" the weights shrink by this share of the learning rate; otherwise it is the
        coefficient of the weights in the gradient.
    initial_scale : float
        Multiplies all initial parameters, on top of the network's own scales.

    Raises
    ------
    ValueError
        If a number is out of range; names the setting.
    """

    name: str
    seed: int
    learning_rate: float
    weight_decay: float = 0.0
    initial_scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < inf:
            raise ValueError(f"learning_rate must be positive, not {self.learning_rate}")
        if not 0 <= self.weight_decay < inf:
            raise ValueError(f"weight_decay must not be negative, not {self.weight_decay}")
        if not 0 < self.initial_scale < inf:
            raise ValueError(f"initial_scale must be positive, not {self.initial_scale}")

    def key(self, study: StreamKey) -> StreamKey:
        """Return the key above all streams of this replica."""
        return study.child(self.name, self.seed)


@dataclass(frozen=True)
class Program:
    """Settings that all replicas of a program share.

    Parameters
    ----------
    task : TaskSettings
    network : NetworkSettings or TransformerSettings
    num_steps : int
        Number of updates T.
    batch_size : int or None
        Pairs in a batch, drawn with replacement; None is the full training set.
    optimiser : {"adam", "adamw", "sgd"}
    loss : {"cross_entropy", "mse"}
        What is minimised: the mean cross-entropy, or the mean over pairs and residues of the squared
        distance of logits to 0 or 1.
    momentum : float
        Of "sgd"; in [0, 1).
    betas : tuple of float
        Decay rates of Adam's moments.
    epsilon : float
        Adam's guard against division by zero.
    precision : {"single", "double"}

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    task: TaskSettings
    network: Network
    num_steps: int
    batch_size: int | None
    optimiser: str = "adam"
    loss: str = "cross_entropy"
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    precision: str = "single"

    def __post_init__(self) -> None:
        choices = {"loss": LOSSES, "precision": PRECISIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if self.num_steps < 0:
            raise ValueError(f"num_steps must not be negative, not {self.num_steps}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 or null, not {self.batch_size}")
        _ = self.update_settings  # checks them

    @property
    def update_settings(self) -> OptimiserSettings:
        """Settings of the optimiser that replicas share."""
        return OptimiserSettings(self.optimiser, self.momentum, self.betas, self.epsilon)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        return PRECISIONS[self.precision]

    def attributes(self) -> dict[str, Any]:
        """Return the settings as text and numbers, one level deep."""
        own = asdict(self)
        task, network = own.pop("task"), own.pop("network")
        kind = "transformer" if isinstance(self.network, TransformerSettings) else "mlp"
        flat = {**own, **task, **network, "architecture": kind}
        flat["betas"] = list(self.betas)
        flat["batch_size"] = self.batch_size or "full"
        return {name: int(v) if isinstance(v, bool) else v for name, v in flat.items()}


def is_prime(number: int) -> bool:
    """Return whether a number has exactly two divisors."""
    return number > 1 and all(number % k for k in range(2, int(number**0.5) + 1))
