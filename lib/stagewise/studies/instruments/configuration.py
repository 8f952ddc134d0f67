"""The instruments' part of the configuration that is not one of a room's own settings: calibration.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from stagewise.core.entries import LeftOut
from stagewise.core.fields import (
    Bounds,
    Count,
    Fraction,
    Settings,
    Several,
    Share,
    TwoOrMore,
)
from stagewise.core.settings import LearningRate, Scale, WeightDecay
from stagewise.llc.settings import AXES, Grid, SGLDConfig
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings


@dataclass(frozen=True)
class SweptSampler(SGLDConfig):
    """What all cells of a sweep have in common."""

    num_chains: TwoOrMore
    """Independent chains of each cell; their spread decides whether cells agree."""


@dataclass(frozen=True)
class Sweep(Settings):
    """A grid of sampler settings, and what all its cells have in common."""

    grid: Grid
    sampler: Annotated[SweptSampler, LeftOut((*AXES, "precision"))]


@dataclass(frozen=True)
class ReducedRankSettings(Settings):
    """Sizes of a reduced rank regression and its samples."""

    num_inputs: Count
    """[M] Entries of an input."""
    num_outputs: Count
    """[N] Entries of an output."""
    num_hidden: Count
    """[H] Hidden units."""
    rank: Annotated[int, Bounds(minimum=0)]
    """[r] Rank of the true map."""
    num_samples: TwoOrMore
    """[n] Samples."""
    noise_std: Scale
    """Standard deviation of the noise in each output."""

    def contradictions(self) -> Iterator[str]:
        """Yield what no map of these sizes has."""
        if self.rank > (most := min(self.num_inputs, self.num_outputs, self.num_hidden)):
            yield (
                "{rank} is more than a map through {num_inputs}, {num_hidden} and {num_outputs} units "
                f"can have; set it to at most {most}"
            )


@dataclass(frozen=True)
class SmallTraining(Settings):
    """Adam at a constant learning rate."""

    num_steps: Count
    """[T] Updates."""
    batch_size: Count
    """Pairs in a batch."""
    learning_rate: LearningRate
    """Learning rate of Adam."""
    weight_decay: WeightDecay
    """Coefficient of the weights in the gradient."""


@dataclass(frozen=True)
class SmallModular(Settings):
    """Task, network and training of a small modular-addition network."""

    task: TaskSettings
    network: Annotated[
        NetworkSettings,
        LeftOut(("activation", "scale_embedding", "scale_weights", "freeze_sides")),
    ]
    training: SmallTraining


@dataclass(frozen=True)
class RegressionSweep(Sweep):
    """A reduced rank regression at its true parameters."""

    model: ReducedRankSettings


@dataclass(frozen=True)
class ModularSweep(Sweep):
    """A small modular-addition network, trained by the sweep's job."""

    model: SmallModular


@dataclass(frozen=True)
class CalibrationSettings(Settings):
    """Sweeps of the sampler's settings on three models, and the choice from each (Fig. 40)."""

    at: Several[Share]
    """Shares of training at which an early, a middle and a late checkpoint lie."""
    max_change: Fraction
    """Largest share by which a factor of two in one setting may change an estimate."""
    transformer: Sweep
    """The shown run of the regression study."""
    rrr: RegressionSweep
    modular: ModularSweep

    def contradictions(self) -> Iterator[str]:
        """Yield what is out of order."""
        if list(self.at) != sorted(self.at):
            yield "{at} must ascend; order it in time"
