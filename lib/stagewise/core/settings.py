"""How networks are trained, and with which optimiser."""

from __future__ import annotations

from dataclasses import dataclass

from stagewise.core.learning_rates import one_cycle_learning_rate


@dataclass(frozen=True)
class TrainingSettings:
    """Adam with a one-cycle learning rate (seed 003, App. E.2), or AdamW with a constant one (E.1).

    Parameters
    ----------
    num_steps : int
        Number of updates T.
    batch_size : int
        Contexts in a batch.
    max_learning_rate : float
        Peak of the schedule.
    warmup_fraction : float, optional
        Share of the run in which the learning rate rises; None keeps it at its peak.
    betas : tuple of float
        Decay rates of Adam's moments.
    epsilon : float
        Adam's guard against division by zero.
    segment_steps : int
        Updates between two saves of the resumable state. No effect on the result.
    weight_decay : float
        Each update shrinks the parameters by this share of the learning rate, apart from the gradient.
    """

    num_steps: int
    batch_size: int
    max_learning_rate: float
    warmup_fraction: float | None
    betas: tuple[float, float]
    epsilon: float
    segment_steps: int
    weight_decay: float = 0.0

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the update from `step` to `step` + 1."""
        if self.warmup_fraction is None:
            return self.max_learning_rate
        return one_cycle_learning_rate(
            step, self.num_steps, self.max_learning_rate, self.warmup_fraction
        )


OPTIMISERS = ("adam", "adamw", "sgd")


@dataclass(frozen=True)
class OptimiserSettings:
    """What all replicas of a program share.

    Parameters
    ----------
    name : {"adam", "adamw", "sgd"}
    momentum : float
        Of "sgd"; in [0, 1).
    betas : tuple of float
        Decay rates of Adam's moments.
    epsilon : float
        Adam's guard against division by zero.

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    name: str
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        if self.name not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {', '.join(OPTIMISERS)}, not {self.name!r}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), not {self.momentum}")
        if self.momentum and self.name != "sgd":
            raise ValueError(f"momentum must be 0 with {self.name!r}: only 'sgd' has it")
