"""Settings of one batched program: a task, how it is learned, and for how many seeds.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal

from stagewise.core.fields import Bounds, Count, Settings, Several
from stagewise.core.settings import LearningRate, Optimiser, Scale, WeightDecay

GROUPS: Mapping[str, tuple[int, ...]] = {"attention": (2, 2)}
"""Components in each factor of the learned tensor, where there is more than one factor."""

_COMPONENTS: Mapping[str, int] = {"attention": 4, "cross_entropy": 2}


@dataclass(frozen=True)
class SettingEntry(Settings):
    """A setting as configured: what is learned, and how, for all cases and seeds."""

    task: Literal["product", "no_self_term", "attention", "cross_entropy"]
    """Squared error of a product, that without its self term, of an attention head, or
    cross-entropy."""
    dimension: Count | None
    """[d] Entries of a vector; null is the study's dimension."""
    rank: Count | None
    """[r] Terms in the sum over products, for attention the inner dimension; null is full rank, the
    dimension."""
    num_components: Annotated[int, Bounds(minimum=1, maximum=20)]
    """[c] Vectors in a product; 1 is a vector, 2 a matrix, 4 an attention head."""
    optimiser: Optimiser
    """How the full loss is minimised."""
    learning_rates: Several[LearningRate]
    """Learning rates; each one is a case of its own."""
    weight_decays: Several[WeightDecay]
    """[lambda] Weight decays; added to the gradient by sgd, apart from it by adamw."""
    logit_scale: Scale | None
    """[s] Factor in front of the logits of cross-entropy; null for other tasks."""
    num_steps: Annotated[int, Bounds(minimum=3)]
    """Updates."""
    seeds: Literal["few", "many"]
    """Which of num_seeds the setting has."""
    precision: Literal["double", "single"]
    """Floating-point numbers; double where a tail is fitted."""

    def contradictions(self) -> Iterator[str]:
        """Yield what does not go with the task or the optimiser."""
        wanted = _COMPONENTS.get(self.task, self.num_components)
        if self.num_components != wanted:
            yield f"{{num_components}} must be {wanted} for the task {self.task}"
        scaled = self.task == "cross_entropy"
        if scaled != (self.logit_scale is not None):
            yield f"{{logit_scale}} must be {'a number' if scaled else 'null'} for this task"
        if self.optimiser == "adam" and any(self.weight_decays):
            yield "{weight_decays} must be [0.0] with adam; take adamw for weight decay"


@dataclass(frozen=True)
class Setting:
    """What is learned, and how; all seeds, learning rates and weight decays run as one program.

    Parameters
    ----------
    name : str
        Unique in the study.
    task : str
        "product", "no_self_term", "attention" or "cross_entropy"; see `studies.scurves.tasks`.
    dimension : int
        Entries of a vector, d.
    rank : int
        Terms in the sum over products, r; for attention, the inner dimension of each matrix.
    num_components : int
        Vectors in a product, c: 2 is a matrix, 1 a vector.
    optimiser : str
        "sgd", "adam" or "adamw", on the full loss.
    learning_rates, weight_decays : tuple of float
        Every pair of the two is a case.
    logit_scale : float or None
        Factor in front of the logits, s; for cross-entropy alone.
    num_steps : int
        Updates.
    num_seeds : int
        Seeds 0, 1, ... of each case.
    precision : str
        "double" or "single".
    init_scale : float
        Length of an initial vector, in expectation of its square.
    """

    name: str
    task: str
    dimension: int
    rank: int
    num_components: int
    optimiser: Optimiser
    learning_rates: tuple[float, ...]
    weight_decays: tuple[float, ...]
    logit_scale: float | None
    num_steps: int
    num_seeds: int
    precision: str
    init_scale: float = 1.0

    @classmethod
    def of(cls, name: str, entry: Mapping[str, Any], study: Mapping[str, Any]) -> Setting:
        """Build a setting from its entry and the study's part of the configuration.

        Parameters
        ----------
        name : str
        entry : mapping
            One of ``scurves.experiments.<experiment>``.
        study : mapping
            ``dimension``, ``init_scale`` and ``num_seeds`` of the study.
        """
        dimension = entry["dimension"] or study["dimension"]
        return cls(
            name=name,
            task=entry["task"],
            dimension=dimension,
            rank=entry["rank"] or dimension,
            num_components=entry["num_components"],
            optimiser=entry["optimiser"],
            learning_rates=tuple(entry["learning_rates"]),
            weight_decays=tuple(entry["weight_decays"]),
            logit_scale=entry["logit_scale"],
            num_steps=entry["num_steps"],
            num_seeds=study["num_seeds"][entry["seeds"]],
            precision=entry["precision"],
            init_scale=study["init_scale"],
        )

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Indices of the components that make up each factor of the learned tensor."""
        sizes = GROUPS.get(self.task, (self.num_components,))
        starts = [sum(sizes[:k]) for k in range(len(sizes))]
        return tuple(
            tuple(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)
        )

    @property
    def stays_in_span(self) -> bool:
        """Whether learning keeps to the span of targets and initial vectors, and that is smaller."""
        turnable = self.optimiser == "sgd" and self.task != "cross_entropy"
        return turnable and 2 * self.rank < self.dimension

    @property
    def cases(self) -> list[tuple[float, float]]:
        """Learning rate and weight decay of each case."""
        return list(product(self.learning_rates, self.weight_decays))

    @property
    def shape_name(self) -> str:
        """Names the shapes of the drawn vectors: equal shapes share targets and initial vectors."""
        return f"{self.num_components}x{self.rank}x{self.dimension}"
