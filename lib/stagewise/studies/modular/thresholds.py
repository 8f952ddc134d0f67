"""What counts as learned, as a rise, and as a slingshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from stagewise.core.fields import Bounds, Fraction, Positive, Settings


@dataclass(frozen=True)
class BehaviourSettings(Settings):
    """What counts as learned, and between which levels a rise is measured."""

    learned: Annotated[float, Bounds(exclusiveMinimum=0, maximum=1)]
    """Accuracy from which a set, training or test, counts as learned; 0.99 as a rule."""
    rise_start: Fraction
    """Accuracy at which a rise begins; 0.1 as a rule."""
    rise_end: Fraction
    """Accuracy at which a rise ends; 0.9 as a rule."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the rise."""
        if self.rise_start >= self.rise_end:
            yield "{rise_start} must be below {rise_end}"


@dataclass(frozen=True)
class MeasureSettings(BehaviourSettings):
    """Constants of the measures of runs."""

    mode_factor: Annotated[float, Bounds(exclusiveMinimum=1)]
    """A Fourier mode is learned if the test loss without it is more than so many times as large."""
    early_fall: Positive
    """Early training ends when the training cross-entropy has fallen by this much. Unit: nats."""


@dataclass(frozen=True)
class SlingshotSettings(Settings):
    """What counts as a slingshot, a spike of the last layer's norm with one of the training loss."""

    window: Positive
    """Time within which a spike rises, and within which the two may be apart. Unit: updates."""
    norm_rise: Positive
    """Least rise of the natural logarithm of the norm."""
    loss_rise: Positive
    """Least rise of the natural logarithm of the training loss."""
    loss_floor: Positive
    """Losses below count as this: near zero a rise of the logarithm is rounding."""
