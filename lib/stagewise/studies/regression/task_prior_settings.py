"""Settings of networks that are trained side by side on finite sets of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stagewise.core.entries import LeftOut
from stagewise.core.fields import Count, Seed, Settings, Several
from stagewise.core.settings import StepGrids, TrainingSettings


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
    num_contexts: Count
    """Contexts on which they are compared, of each network's own tasks."""
