"""Sections of the configuration that several studies have.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from stagewise.core.entries import Derived, LeftOut
from stagewise.core.fields import Bounds, Count, Name, Seed, Settings, Several, TwoOrMore
from stagewise.core.settings import StepGrids, crowded
from stagewise.development.settings import MIN_CHECKPOINTS, FormSettings
from stagewise.llc.settings import SGLDConfig

Analysis = Literal["metrics", "llc", "essential_dynamics"]
ANALYSES = get_args(Analysis)

FORM_CONSTANTS = (
    *("cluster_width", "min_chord", "vertex_prominence", "cusp_turn", "cusp_speed_ratio"),
    *("influence_fraction", "influence_floor", "null_dimension"),
)


@dataclass(frozen=True)
class ComparedForms(FormSettings):
    """Smoothing of the trajectory and detection of its forms, which claims compare with random walks."""

    num_surrogates: Count = 99
    """Random walks at the run's own pace behind a form's p-value."""


ConfiguredForms = Annotated[ComparedForms, LeftOut(FORM_CONSTANTS)]


@dataclass(frozen=True, kw_only=True)
class NamedSampler(SGLDConfig):
    """Settings of the sampler (SGLD) behind one LLC curve."""

    noise: Literal["shared", "fresh"]
    """Whether checkpoints meet the same batches and noise (shared) or their own (fresh)."""
    seeds: Several[Seed] | None
    """Seeds whose runs get this setting; null is all of them."""


@dataclass(frozen=True, kw_only=True)
class SamplerSettings(NamedSampler):
    """Settings of the sampler (SGLD) behind one LLC curve."""

    loss: Literal["all_positions", "random_prefix"]
    """Loss over all positions of a context (loss-based) or at one random prefix (likelihood-based)."""


@dataclass(frozen=True, kw_only=True)
class LlcSettings(Settings):
    """Local learning coefficients along training."""

    num_checkpoints: Annotated[int, Bounds(minimum=MIN_CHECKPOINTS)]
    """How many of the checkpoints get an LLC, enough for stages; a larger number only adds
    estimates."""
    shard_size: Count
    """Checkpoints that one job estimates; no effect on results."""


@dataclass(frozen=True, kw_only=True)
class SampledLlc(LlcSettings):
    """Local learning coefficients along training, on samples drawn for them."""

    num_samples: TwoOrMore
    """[n] Samples in the fixed set on which L_n is defined."""
    settings: Mapping[Name, Annotated[SamplerSettings, Derived("like")]]
    """Named sampler settings; each one gives an LLC curve of its own, and may be like another."""


@dataclass(frozen=True)
class Published(Settings):
    """What the paper found, to compare with."""

    num_steps: Count
    """[T] Updates of the published run."""
    milestones: Several[Count]
    """Steps at which the published stages end, the last stage excepted."""
    types: Annotated[str, Bounds(pattern="^[AB]+$")]
    """Type of each published stage in order, A or B."""
    forms: Several[Count]
    """Steps of the published forms."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the stages."""
        if len(self.types) != len(self.milestones) + 1:
            yield "{types} must have one letter more than {milestones} has steps; correct one of the two"
        for steps in ("milestones", "forms"):
            if list(getattr(self, steps)) != sorted(getattr(self, steps)):
                yield f"{{{steps}}} must ascend; order it"


Experiments = Mapping[str, Mapping[str, Settings]]
"""Settings by experiment and name."""


def unknown_seeds(samplers: Mapping[str, NamedSampler], num_seeds: int) -> Iterator[str]:
    """Yield which sampler settings are for seeds that no run has."""
    for name, sampler in samplers.items():
        if any(seed >= num_seeds for seed in sampler.seeds or ()):
            yield (
                f"{{llc.settings.{name}.seeds}} must stay below {{llc.num_seeds}}; lower the first or "
                "set it to null for all"
            )


def missing_settings(
    experiments: Experiments, required: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    """Yield which settings are missing that figures and claims compare."""
    for experiment, names in required.items():
        if experiment not in experiments:
            yield f"[experiments] lacks {experiment!r}, which figures compare; add it"
            continue
        for name in names:
            if name not in experiments[experiment]:
                yield f"[experiments.{experiment}] lacks {name!r}, which figures compare; add it"


def without_and_with_decay(
    place: str, experiments: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield what a comparison over weight decay lacks; the place is experiment.setting."""
    experiment, setting = place.split(".")
    decays = experiments[experiment][setting].weight_decays
    if 0.0 not in decays or not any(decays):
        yield f"{{experiments.{place}.weight_decays}} must hold 0.0 and another, to compare; add it"


def renamed(experiments: Experiments) -> Iterator[str]:
    """Yield which settings have the name of another one."""
    seen: set[str] = set()
    for experiment, entries in experiments.items():
        for name in entries:
            if name in seen:
                yield f"[experiments.{experiment}.{name}] has the name of another setting; rename one"
            seen.add(name)


def more_components_than_steps(num_recorded: int, num_components: int) -> Iterator[str]:
    """Yield what a trajectory is too short for, as `core.fields.Settings.contradictions` of a run."""
    if num_recorded <= num_components:
        yield (
            f"{{trajectory.num_steps}} must be above the {num_components} of "
            "[essential_dynamics.num_components]; raise the first or lower the second"
        )


def more_than_trained(num_steps: int, checkpoints: StepGrids, num_recorded: int) -> Iterator[str]:
    """Yield what asks for more steps than a run has, as `core.fields.Settings.contradictions`.

    Parameters
    ----------
    num_steps : int
        ``training.num_steps``.
    checkpoints : StepGrids
    num_recorded : int
        ``trajectory.num_steps``.
    """
    yield from crowded("training.num_steps", "checkpoints", num_steps, checkpoints.num_logarithmic)
    if num_recorded > num_steps + 1:
        yield (
            "{trajectory.num_steps} is more than the steps of {training.num_steps} and the start; "
            f"set it to at most {num_steps + 1}"
        )
