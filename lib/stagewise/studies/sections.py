"""Sections of the configuration that several studies have.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from stagewise.core.entries import Derived, LeftOut
from stagewise.core.fields import Bounds, Count, Name, Seed, Settings, Several
from stagewise.core.settings import StepGrids
from stagewise.development.settings import FormSettings
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

    num_checkpoints: Count
    """How many of the checkpoints get an LLC; a larger number only adds estimates."""
    shard_size: Count
    """Checkpoints that one job estimates; no effect on results."""


@dataclass(frozen=True, kw_only=True)
class SampledLlc(LlcSettings):
    """Local learning coefficients along training, on samples drawn for them."""

    num_samples: Count
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


Experiments = Mapping[str, Mapping[str, Settings]]
"""Settings by experiment and name."""


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


def renamed(experiments: Experiments) -> Iterator[str]:
    """Yield which settings have the name of another one."""
    seen: set[str] = set()
    for experiment, entries in experiments.items():
        for name in entries:
            if name in seen:
                yield f"[experiments.{experiment}.{name}] has the name of another setting; rename one"
            seen.add(name)


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
    if checkpoints.num_logarithmic > num_steps:
        yield (
            "{checkpoints.num_logarithmic} is more than the steps of {training.num_steps}; "
            f"set it to at most {num_steps}"
        )
    if num_recorded > num_steps + 1:
        yield (
            "{trajectory.num_steps} is more than the steps of {training.num_steps} and the start; "
            f"set it to at most {num_steps + 1}"
        )
