"""The part of the configuration on checkpoints of one's own; there is none unless a file states it.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from stagewise.core.entries import Derived, LeftOut
from stagewise.core.fields import Bounds, Count, Name, Positive, Seed, Settings, Several, Text
from stagewise.development.settings import (
    MIN_CHECKPOINTS,
    EssentialDynamicsSettings,
    StageSettings,
)
from stagewise.studies.sections import FORM_CONSTANTS, ComparedForms, LlcSettings, NamedSampler


@dataclass(frozen=True, kw_only=True)
class OwnSampler(NamedSampler):
    """Settings of the sampler (SGLD) behind one LLC curve."""

    noise: Literal["shared", "fresh"] = "shared"
    """Whether checkpoints meet the same batches and noise (shared) or their own (fresh); by default
    shared."""
    seeds: Several[Seed] | None = None
    """Of no use here: a folder is a run without a seed."""


@dataclass(frozen=True, kw_only=True)
class OwnLlc(LlcSettings):
    """Local learning coefficients along training."""

    settings: Mapping[Name, Annotated[OwnSampler, Derived("like"), LeftOut(("seeds",))]]
    """Named sampler settings; each one gives an LLC curve of its own, and may be like another."""
    num_checkpoints: Annotated[int, Bounds(minimum=MIN_CHECKPOINTS)] = 33
    """How many of the checkpoints get an LLC, spread over training, by default 33; a larger number only
    adds estimates."""
    shard_size: Count = 4
    """Checkpoints that one job estimates, by default 4; no effect on results."""
    chains_at_a_time: Count | None = None
    """Chains that are in memory together; null, the default, is all of them."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is too little for stages."""
        if not self.settings:
            yield "[settings] is empty; name at least one setting of the sampler"


@dataclass(frozen=True, kw_only=True)
class OwnEssentialDynamics(EssentialDynamicsSettings):
    """Principal components of the trajectory in function space."""

    num_components: Annotated[int, Bounds(minimum=2)] = 3
    """Principal components kept, by default 3; forms are read off in planes of two."""


@dataclass(frozen=True, kw_only=True)
class OwnForms(ComparedForms):
    """Smoothing of the trajectory and detection of its forms, compared with random walks."""

    sigma_end: Positive | None = None  # type: ignore[assignment]
    """Standard deviation of the smoothing kernel at the end; null, the default, is the published share
    of the trajectory, 2.4 % of the checkpoints. Unit: checkpoints."""


@dataclass(frozen=True, kw_only=True)
class OwnStudy(Settings):
    """Checkpoints of a network of your own, through the rules of the other studies."""

    factory: Annotated[str, Bounds(pattern=r"^[^:]+:[A-Za-z_]\w*$")]
    """Function that builds the subject, my_package.module:subject or path/to/file.py:subject; it is
    called with the checkpoints, a path by step, and the device."""
    runs: Mapping[Name, Text]
    """Folder of the checkpoints of each run, by a name of your choice."""
    files: Text = "*"
    """Which files of a folder are checkpoints, as a pattern such as */model.safetensors; by default all
    that end in .pt, .pth, .safetensors or .npz."""
    inputs: Annotated[tuple[Text, ...], Bounds(uniqueItems=True)] = ()
    """Further files that results depend on, such as data and modules that the factory reads; by default
    none."""
    llc: OwnLlc
    stages: Annotated[StageSettings, Derived()]
    essential_dynamics: Annotated[OwnEssentialDynamics, Derived()]
    forms: Annotated[OwnForms, LeftOut(FORM_CONSTANTS), Derived()]

    def contradictions(self) -> Iterator[str]:
        """Yield what is missing."""
        if not self.runs:
            yield "[runs] is empty; give the folder of at least one run's checkpoints"
