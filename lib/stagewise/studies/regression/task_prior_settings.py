"""Settings of networks that are trained side by side on finite sets of tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from stagewise.core.entries import LeftOut
from stagewise.core.fields import Count, Seed, Settings, Several, TwoOrMore
from stagewise.core.settings import StepGrids, TrainingSettings, crowded


@dataclass(frozen=True)
class TaskPriorSettings(Settings):
    """Networks that are trained side by side, each on a finite set of tasks."""

    num_tasks: Several[Count]
    """[M] Sizes of the sets; a smaller one is the beginning of a larger one."""
    seeds: Several[Seed]
    """Seeds; each has a network for every size, from the same initial parameters."""
    training: Annotated[TrainingSettings, LeftOut(("weight_decay", "precision"))]
    """Of all networks; Adam with the one-cycle learning rate."""
    records: StepGrids
    """Steps at which predictions are compared."""
    num_contexts: TwoOrMore
    """Contexts on which they are compared, of each network's own tasks."""

    def contradictions(self) -> Iterator[str]:
        """Yield what asks for more steps than there are."""
        steps = self.training.num_steps
        return crowded("training.num_steps", "records", steps, self.records.num_logarithmic)
