"""The modular-addition study's part of the configuration.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from stagewise.core.entries import Derived
from stagewise.core.fields import Count, Name, Seed, Settings, Several, TwoOrMore
from stagewise.development.settings import StageSettings
from stagewise.studies.modular.experiments import FOLLOWED, REQUIRED, SLINGSHOTS
from stagewise.studies.modular.settings import SettingEntry
from stagewise.studies.modular.thresholds import MeasureSettings, SlingshotSettings
from stagewise.studies.sections import (
    LlcSettings,
    NamedSampler,
    missing_settings,
    renamed,
    unknown_seeds,
    without_and_with_decay,
)


@dataclass(frozen=True)
class Followed(Settings):
    """Settings of the experiment stages that are followed along training."""

    settings: Several[Name]
    """Settings of the experiment stages."""
    num_seeds: Count
    """Seeds of each setting, the first ones."""


@dataclass(frozen=True, kw_only=True)
class ModularSampler(NamedSampler):
    """Settings of the sampler (SGLD) behind one LLC curve."""

    num_chains: TwoOrMore
    """Independent chains at each checkpoint; their spread gives the error that claims need."""


@dataclass(frozen=True, kw_only=True)
class ModularLlc(LlcSettings):
    """Local learning coefficients of some settings along training, on the training pairs."""

    variants: Several[Name]
    """Settings of the experiment stages."""
    num_seeds: Count
    """Seeds of each variant, the first ones."""
    settings: Mapping[Name, Annotated[ModularSampler, Derived("like")]]
    """Named sampler settings; each one gives an LLC curve of its own, and may be like another."""


@dataclass(frozen=True)
class ModularStudy(Settings):
    """Grokking, memorisation and generalisation on modular addition (the grokking dialogue)."""

    base: SettingEntry
    """What settings are unless they say otherwise."""
    segment_steps: Count
    """Updates between two saves of the resumable state; no effect on results."""
    shown_seed: Seed
    """Seed whose single-run panels are shown along training."""
    experiments: Mapping[Name, Mapping[Name, Annotated[SettingEntry, Derived()]]]
    """Named experiments, one job and one file each, of settings that say what they change of base."""
    measures: MeasureSettings
    slingshots: SlingshotSettings
    modes: Followed
    """Settings whose Fourier modes are followed along training."""
    gradients: Followed
    """Settings whose gradients are followed along training."""
    llc: ModularLlc
    stages: StageSettings

    def contradictions(self) -> Iterator[str]:
        """Yield what is missing, and which analyses do not fit the settings."""
        missing = [*missing_settings(self.experiments, REQUIRED)]
        yield from missing
        yield from renamed(self.experiments)
        if not missing:
            yield from self._of_scales()
            yield from self._of_slingshots()
        yield from unknown_seeds(self.llc.settings, self.llc.num_seeds)
        if "local" not in self.llc.settings:
            yield "[llc.settings] lacks 'local', which figures show; add it"
        for analysis, key in (
            ("modes", "settings"),
            ("gradients", "settings"),
            ("llc", "variants"),
        ):
            followed = getattr(self, analysis)
            listed = f"{{{analysis}.{key}}}"
            yield from self._of_analysis(
                analysis, listed, getattr(followed, key), followed.num_seeds
            )

    def _of_scales(self) -> Iterator[str]:
        place, entry = "experiments.scales.scaled", self.experiments["scales"]["scaled"]
        if 1.0 not in entry.initial_scales or min(entry.initial_scales) >= 1.0:
            yield f"{{{place}.initial_scales}} must hold 1.0 and a smaller one, to compare"
        yield from without_and_with_decay("scales.scaled", self.experiments)

    def _of_slingshots(self) -> Iterator[str]:
        for name in SLINGSHOTS:
            entry = self.experiments["stages"][name]
            apart = entry.num_steps / (entry.records.num_linear - 1)
            if self.slingshots.window < apart:
                place = f"experiments.stages.{name}"
                yield (
                    f"{{slingshots.window}} is below the {apart:g} updates between records by "
                    f"{{{place}.num_steps}} and {{{place}.records.num_linear}}; widen it"
                )

    def _of_analysis(
        self, analysis: str, listed: str, names: Sequence[str], num_seeds: int
    ) -> Iterator[str]:
        stages = self.experiments.get("stages", {})
        for name in FOLLOWED[analysis]:
            if name not in names:
                yield f"{listed} lacks {name!r}, which figures show; add it"
        for name in names:
            if name not in stages:
                yield (
                    f"{listed} names {name!r}, which is no setting of [experiments.stages]; correct the "
                    "name or add it there"
                )
            elif analysis != "llc" and stages[name].modulus % 2 == 0:
                yield (
                    f"{listed} names {name!r}, but {{experiments.stages.{name}.modulus}} is even: "
                    "Fourier modes need an odd one; change the modulus or take the name out"
                )
            elif num_seeds > stages[name].num_seeds:
                yield (
                    f"{{{analysis}.num_seeds}} is more than {{experiments.stages.{name}.num_seeds}}; "
                    "lower it"
                )
        if self.shown_seed >= num_seeds:
            yield (
                f"{{shown_seed}} is not followed by {analysis}; choose one below "
                f"{{{analysis}.num_seeds}}, or raise that"
            )
