"""How networks are trained, with which optimiser, and when something is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from stagewise.core.fields import (
    Bounds,
    Count,
    Fraction,
    Positive,
    Settings,
)
from stagewise.core.learning_rates import one_cycle_learning_rate
from stagewise.core.precisions import Precision

Optimiser = Literal["adam", "adamw", "sgd"]
# Beyond these, parameters or losses leave single precision within a few updates.
LearningRate = Annotated[float, Bounds(exclusiveMinimum=0, maximum=1000)]
WeightDecay = Annotated[float, Bounds(minimum=0, maximum=1000)]
Scale = Annotated[float, Bounds(exclusiveMinimum=0, maximum=1000)]
"""Of initial parameters, or of data."""

Momentum = Annotated[float, Bounds(minimum=0, exclusiveMaximum=1)]


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Adam with a one-cycle learning rate, or AdamW with a constant one.

    Hoogland et al. 2024, App. E.2 and E.1.
    """

    num_steps: Count
    """[T] Updates of a run."""
    batch_size: Count
    """Samples in a batch, new ones at each step."""
    max_learning_rate: LearningRate
    """Peak of the learning-rate schedule."""
    warmup_fraction: Fraction | None
    """Share of the run in which the learning rate rises; null keeps it at its peak."""
    betas: tuple[Fraction, Fraction]
    """Decay rates of Adam's first and second moment."""
    epsilon: Positive
    """Adam's guard against division by zero."""
    segment_steps: Count
    """Updates between two saves of the resumable state; no effect on results."""
    weight_decay: WeightDecay = 0.0
    """Share of the learning rate by which an update shrinks the parameters, apart from the gradient."""
    precision: Precision = "float32"
    """In what losses and gradients multiply: float32; tf32, with factors of 10 bits on a GPU and as
    float32 elsewhere; bf16, with products of 7 bits, parameters and updates in float32."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the schedule."""
        if self.warmup_fraction is None:
            return
        if self.num_steps < 4:
            yield "{num_steps} leaves the one-cycle schedule no room to rise; set it to at least 4"
        elif self.num_steps * self.warmup_fraction <= 1:
            yield "{warmup_fraction} of {num_steps} is no more than one step; raise one of the two"

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of the update from `step` to `step` + 1."""
        if self.warmup_fraction is None:
            return self.max_learning_rate
        return one_cycle_learning_rate(
            step, self.num_steps, self.max_learning_rate, self.warmup_fraction
        )


@dataclass(frozen=True)
class OptimiserSettings(Settings):
    """What all replicas of a program share."""

    name: Optimiser
    """Adam with decay in the gradient or apart from it, or gradient descent."""
    momentum: Momentum = 0.0
    """Of sgd; 0 with the others."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay rates of Adam's moments."""
    epsilon: Positive = 1e-8
    """Adam's guard against division by zero."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the momentum."""
        if self.momentum and self.name != "sgd":
            yield f"{{momentum}} must be 0 with {self.name}; only sgd has it"


@dataclass(frozen=True)
class StepGrids(Settings):
    """Steps at which something is kept, on two grids at once."""

    num_linear: Annotated[int, Bounds(minimum=2, maximum=100_000)]
    """Evenly spaced steps, both ends included."""
    num_logarithmic: Annotated[int, Bounds(minimum=1, maximum=10_000)]
    """Steps evenly spaced in log step; those in both grids count once."""


def uneven_heads(num_heads: int, embed_dim: int) -> Iterator[str]:
    """Yield what is wrong with heads that share a width, as `core.fields.Settings.contradictions`."""
    if embed_dim % num_heads:
        yield "{num_heads} must divide {embed_dim}; change one of the two"


def crowded(num_steps: str, grid: str, most: int, count: int) -> Iterator[str]:
    """Yield that a logarithmic grid has more steps than there are, as `uneven_heads`."""
    if count > most:
        yield (
            f"{{{grid}.num_logarithmic}} is more than the steps of {{{num_steps}}}; set it to at most "
            f"{most}"
        )
