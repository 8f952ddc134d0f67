"""The regression study's part of the configuration (Hoogland et al. 2024, section 5, App. D and E.2).

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from stagewise.core.entries import Changes, LeftOut
from stagewise.core.fields import (
    LARGEST,
    SMALLEST,
    Bounds,
    Count,
    Name,
    NotNegative,
    Positive,
    Seed,
    Settings,
    Several,
    Share,
    TwoOrMore,
)
from stagewise.core.settings import Scale, StepGrids, TrainingSettings
from stagewise.development.settings import EssentialDynamicsSettings, StageSettings
from stagewise.llc.scale_settings import HessianSizes, ScaleSettings
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.task_prior_settings import TaskPriorSettings
from stagewise.studies.sections import (
    Analysis,
    ConfiguredForms,
    Published,
    SampledLlc,
    more_than_trained,
)


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """The fixed set on which metrics are measured."""

    num_contexts: TwoOrMore
    """Contexts in the fixed set."""
    num_scaled_contexts: TwoOrMore
    """Contexts at each other standard deviation of inputs or tasks, the first of the fixed set."""
    input_scales: Several[Scale]
    """[g] Standard deviations of the inputs at which the ICL score is measured."""
    task_scales: Several[Scale]
    """[g] Standard deviations of the tasks' entries at which it is measured."""

    def contradictions(self) -> Iterator[str]:
        """Yield what asks for more contexts than there are."""
        if self.num_scaled_contexts > self.num_contexts:
            yield "{num_scaled_contexts} must be at most {num_contexts}, whose first ones they are"


@dataclass(frozen=True)
class TrajectorySettings(Settings):
    """Record of the outputs on fixed contexts during training, the function-space vector f_t."""

    num_contexts: Count
    """Contexts whose outputs make up f_t."""
    num_steps: TwoOrMore
    """Linearly spaced steps at which f_t is recorded; at most training.num_steps + 1."""


@dataclass(frozen=True)
class RunSettings(Settings):
    """What a run is made of."""

    task: TaskSettings
    network: NetworkSettings
    training: Annotated[TrainingSettings, LeftOut(("weight_decay",))]
    """Adam with the one-cycle learning rate."""
    checkpoints: StepGrids
    """Steps at which parameters are kept, on two grids at once."""
    evaluation: EvaluationSettings
    trajectory: TrajectorySettings

    def contradictions(self) -> Iterator[str]:
        """Yield what asks for more steps than there are."""
        return more_than_trained(
            self.training.num_steps, self.checkpoints, self.trajectory.num_steps
        )


@dataclass(frozen=True)
class Variant(Settings):
    """One variant of the study."""

    seeds: Several[Seed]
    """Seeds of the variant; each one is a run."""
    settings: Annotated[Mapping[str, Any], Changes(RunSettings)]
    """Changes to the study's settings; what is not named stays as it is."""
    analyses: Several[Analysis]
    """What is computed from the variant's runs."""


@dataclass(frozen=True)
class Failure(Settings):
    """A checkpoint, and sampler settings under which its LLC estimate fails."""

    at: Share
    """Share of training at which the checkpoint lies; 0 is the untrained network."""
    step_size: Positive
    """[epsilon] Step size of SGLD."""
    n_beta: Positive
    """[n beta] Inverse temperature times number of samples."""
    localization: NotNegative
    """[gamma] Strength of the pull to the checkpoint; 0 is none."""


@dataclass(frozen=True)
class FailureSettings(Settings):
    """Settings chosen to fail, one each for the verdicts diverged, drifting and escaped."""

    num_chains: Count
    """Chains of each failing estimate."""
    num_draws: TwoOrMore
    """Steps of each of its chains, all of them draws."""
    batch_size: Count
    """[m] Contexts in a minibatch of these chains."""
    diverged: Failure
    """Chains that run away."""
    drifting: Failure
    """Chains that have not come to rest."""
    escaped: Failure
    """Chains that find a loss below that of the checkpoint."""


@dataclass(frozen=True)
class StructureSettings(Settings):
    """What is looked at inside the network along training."""

    num_contexts: TwoOrMore
    """Contexts over which attention is averaged."""
    label_threshold: Annotated[float, Bounds(exclusiveMinimum=0.5, maximum=1)]
    """Share of its attention that a head gives to what it is named after."""


@dataclass(frozen=True)
class PositionSettings(Settings):
    """The LLC by position of the context, by the setting `local` on the shown run (Fig. 24)."""

    at: Several[Share]
    """Shares of training at which the checkpoints lie."""


@dataclass(frozen=True)
class RefinedSettings(Settings):
    """The LLC of parts of the network, by the setting `local` on the shown run."""

    at: Several[Share]
    """Shares of training at which the checkpoints lie."""


@dataclass(frozen=True, kw_only=True)
class RegressionLlc(SampledLlc):
    """Local learning coefficients along training."""

    checkpoints_at_a_time: Count
    """Checkpoints of a shard whose chains run side by side on a GPU, one after the other on a CPU. More
    take more memory; no effect on results beyond rounding."""
    failures: FailureSettings
    hessian: HessianSizes
    scale: ScaleSettings
    by_position: PositionSettings
    refined: RefinedSettings

    def contradictions(self) -> Iterator[str]:
        """Yield what the setting local lacks for the LLC over its scale."""
        if "local" not in self.settings:
            return
        local, extremes = self.settings["local"], (min(self.scale.factors), max(self.scale.factors))
        if local.n_beta is None:
            yield "{settings.local.n_beta} must be a number, for [scale] goes up and down from it"
        elif local.localization == 0:
            yield "{settings.local.localization} must be above 0, for [scale] goes up and down from it"
        elif any(
            not SMALLEST <= value <= LARGEST
            for factor in extremes
            for value in (local.n_beta * factor, local.localization / factor)
        ):
            yield "{scale.factors} go beyond what numbers can be; bring them closer to 1"


@dataclass(frozen=True, kw_only=True)
class RegressionStudy(RunSettings):
    """In-context linear regression (Hoogland et al. 2024, section 5, App. D and E.2)."""

    variants: Mapping[Name, Variant]
    """Named variants of the study; each one has a run for each of its seeds."""
    seeds_together: Count
    """Seeds of a variant that one job trains side by side on a GPU; on a CPU each is a job. A seed more
    trains again those of its job, so more comes in whole jobs; no effect on results beyond rounding."""
    structure: StructureSettings
    task_prior: TaskPriorSettings
    llc: RegressionLlc
    stages: StageSettings
    essential_dynamics: EssentialDynamicsSettings
    forms: ConfiguredForms
    published: Published
