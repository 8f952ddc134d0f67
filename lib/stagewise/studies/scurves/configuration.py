"""The S-curve study's part of the configuration.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from stagewise.core.entries import Derived
from stagewise.core.fields import Bounds, Count, Fraction, Name, Positive, Seed, Settings, Several
from stagewise.core.settings import Scale, StepGrids, crowded
from stagewise.studies.scurves.settings import SettingEntry
from stagewise.studies.scurves.thresholds import MeasureSettings
from stagewise.studies.sections import missing_settings, renamed, without_and_with_decay

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "linear": ("scalar", "vector"),
    "lowrank": ("rank1", "rank2", "rank4", "rank10"),
    "fullrank": ("full", "adamfull"),
    "tail": ("fulltail",),
    "components": ("product3", "product4", "product5"),
    "attention": ("attention2",),
    "adam": ("adam2", "adam10"),
    "variants": ("decay1", "slow1", "adamw1", "noself1"),
    "entropy": ("entropy2", "entropy10", "entropyfull"),
}
"""Settings that figures and claims compare, by experiment."""

FLOWS = ("rank1",)
"""Settings whose flow a figure shows."""


@dataclass(frozen=True)
class SeedNumbers(Settings):
    """Seeds of a setting, by the word that it uses."""

    few: Count
    """Seeds of a setting that is shown."""
    many: Count
    """Seeds of a setting that is counted or tested."""


@dataclass(frozen=True)
class AdamSettings(Settings):
    """Constants of Adam and AdamW."""

    betas: tuple[Fraction, Fraction]
    """Decay rates of the first and second moment."""
    epsilon: Positive
    """Guard against division by zero."""


@dataclass(frozen=True)
class FlowSettings(Settings):
    """Gradient flow from the initial vectors of runs, to compare descent with."""

    settings: Several[Name]
    """Settings that have a flow; products learned by sgd."""
    num_seeds: Count
    """Seeds of each setting, the first ones; at most num_seeds.few."""


@dataclass(frozen=True)
class ScurvesStudy(Settings):
    """Multi-component learning and S-curves (the S-curves post and its comments)."""

    dimension: Count
    """[d] Entries of a vector."""
    init_scale: Scale
    """Length of an initial vector, in expectation of its square."""
    num_seeds: SeedNumbers
    seeds_per_batch: Count
    """Seeds in one tensor; no effect on results."""
    shown_seed: Seed
    """Seed whose single-run panels are shown, where none is looked for."""
    divergence_factor: Annotated[float, Bounds(exclusiveMinimum=1)]
    """A run has diverged where its loss is above this multiple of its first loss."""
    records: StepGrids
    """Steps at which curves are kept, on two grids at once."""
    adam: AdamSettings
    base: SettingEntry
    """What settings are unless they say otherwise."""
    experiments: Mapping[Name, Mapping[Name, Annotated[SettingEntry, Derived()]]]
    """Named experiments, one job and one file each, of settings that say what they change of base."""
    flow: FlowSettings
    measures: MeasureSettings

    def contradictions(self) -> Iterator[str]:
        """Yield what is missing, and which settings do not fit the study."""
        missing = [*missing_settings(self.experiments, REQUIRED)]
        yield from missing
        yield from renamed(self.experiments)
        for experiment, entries in self.experiments.items():
            for name, entry in entries.items():
                yield from self._of_setting(f"experiments.{experiment}.{name}", entry)
        if self.shown_seed >= min(self.num_seeds.few, self.num_seeds.many):
            yield "{shown_seed} has no run; choose one below {num_seeds.few} and {num_seeds.many}"
        yield from self._of_flow()
        if not missing:
            yield from without_and_with_decay("variants.decay1", self.experiments)

    def _of_setting(self, place: str, entry: SettingEntry) -> Iterator[str]:
        dimension = entry.dimension or self.dimension
        if (entry.rank or 1) > dimension:
            of = f"{place}.dimension" if entry.dimension else "dimension"
            yield (
                f"{{{place}.rank}} is more than {{{of}}}; set it to at most {dimension}, or to null for "
                "full rank"
            )
        count = self.records.num_logarithmic
        yield from crowded(f"{place}.num_steps", "records", entry.num_steps, count)

    def _of_flow(self) -> Iterator[str]:
        entries = {n: entry for named in self.experiments.values() for n, entry in named.items()}
        for name in self.flow.settings:
            if name not in entries:
                yield f"{{flow.settings}} names {name!r}, which is no setting; correct the name"
            elif (entries[name].task, entries[name].optimiser) != ("product", "sgd"):
                yield (
                    f"{{flow.settings}} names {name!r}, but only products learned by sgd have a flow "
                    "here; take it out"
                )
        for name in FLOWS:
            if name not in self.flow.settings:
                yield f"{{flow.settings}} lacks {name!r}, which a figure shows; add it"
