"""The whole configuration as settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from stagewise.core.entries import Derived, schema_of
from stagewise.core.fields import Bounds, Name, Seed, Settings, some_of
from stagewise.development.settings import FormRateSettings
from stagewise.exact.settings import SecondOpinionSettings, ValidationSettings
from stagewise.studies.instruments.configuration import CalibrationSettings
from stagewise.studies.language.configuration import LanguageStudy
from stagewise.studies.language.configuration import RunSettings as LanguageRunSettings
from stagewise.studies.modular.configuration import ModularStudy
from stagewise.studies.own.configuration import OwnStudy
from stagewise.studies.regression.configuration import RegressionStudy
from stagewise.studies.regression.configuration import RunSettings as RegressionRunSettings
from stagewise.studies.scurves.configuration import ScurvesStudy
from stagewise.studies.sections import ANALYSES

RUN_SETTINGS: Mapping[str, Any] = {
    "regression": RegressionRunSettings,
    "language": LanguageRunSettings,
}
"""What a run is made of, by study; the studies whose networks are trained one by one."""

REQUIRED_VARIANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "regression": {"base": ANALYSES},
    "language": {"twolayers": ANALYSES, "onelayer": ("metrics", "llc")},
}
"""Variants that figures start from, and what they need of each."""

REQUIRED_SAMPLERS = {
    "regression": ("published", "local", "fresh", "likelihood"),
    "language": ("published", "local"),
}


@dataclass(frozen=True)
class FigureSettings(Settings):
    """What the figures show."""

    shown_seed: Seed
    """Seed of the variant base whose single-run figures are shown."""


@dataclass(frozen=True)
class Configuration(Settings):
    """All that can be set."""

    preset: Name
    """Name of the preset, and of the output folder results/<preset>."""
    root_seed: Seed
    """Seed from which every random stream is derived, together with the stream's name."""
    device: Literal["cpu", "cuda"]
    """Where networks are trained and sampled; cuda needs a GPU."""
    gpu_model: Annotated[str, Bounds(pattern="^[A-Za-z0-9_.]+$")]
    """Type of GPU that a cluster is asked for where device is cuda, by its name there; any takes
    whichever is free."""
    regression: RegressionStudy
    validation: ValidationSettings
    second_opinion: SecondOpinionSettings
    form_rates: FormRateSettings
    calibration: CalibrationSettings
    scurves: ScurvesStudy
    modular: ModularStudy
    language: LanguageStudy
    figures: FigureSettings

    def contradictions(self) -> Iterator[str]:
        """Yield what figures need and is not there."""
        for study in RUN_SETTINGS:
            yield from _missing_variants(study, getattr(self, study).variants)
            yield from _samplers(study, getattr(self, study))
        if all(sampler.seeds is not None for sampler in self.regression.llc.settings.values()):
            yield (
                "[regression.llc.settings] has no setting for all seeds, which figures start from; set "
                "seeds of one to null"
            )
        seeds = some_of([str(seed) for seed in self.regression.variants["base"].seeds])
        if self.figures.shown_seed not in self.regression.variants["base"].seeds:
            yield (
                f"{{figures.shown_seed}} has no run; choose one of the seeds {seeds} of "
                "[regression.variants.base] or add it there"
            )
        shown = self.figures.shown_seed
        for name in ("local", "fresh", "likelihood"):
            sampler = self.regression.llc.settings.get(name)
            if sampler is not None and shown not in (sampler.seeds or [shown]):
                yield (
                    f"{{regression.llc.settings.{name}.seeds}} leaves out {{figures.shown_seed}}, whose "
                    "curves figures compare; add it there"
                )


OPTIONAL: Mapping[str, Any] = {"own": Annotated[OwnStudy, Derived()]}
"""Sections that a configuration need not have; they state what they change of the defaults."""


def whole_schema(optional: Iterable[str] = OPTIONAL, **how: Any) -> dict[str, Any]:
    """Return the schema of a configuration; see `core.entries.schema_of`.

    Parameters
    ----------
    optional : iterable of str
        Which of `OPTIONAL` may be there.
    **how
        As for `core.entries.schema_of`.
    """
    schema = schema_of(Configuration, **how)
    schema["properties"] |= {name: schema_of(OPTIONAL[name], **how) for name in optional}
    return schema


def _missing_variants(study: str, variants: Mapping[str, Any]) -> Iterator[str]:
    for name, analyses in REQUIRED_VARIANTS[study].items():
        if name not in variants:
            yield f"[{study}.variants] lacks the variant {name!r}, which all figures start from; add it"
            return
        missing = [analysis for analysis in analyses if analysis not in variants[name].analyses]
        if missing:
            yield (
                f"[{study}.variants.{name}.analyses] lacks {', '.join(missing)}; {name} needs "
                f"{', '.join(analyses)}"
            )


def _samplers(study: str, section: Any) -> Iterator[str]:
    samplers = section.llc.settings
    for name in REQUIRED_SAMPLERS[study]:
        if name not in samplers:
            yield f"[{study}.llc.settings] lacks {name!r}, which figures compare; add it"
    seeds = {
        name: set(variant.seeds)
        for name, variant in section.variants.items()
        if "llc" in variant.analyses
    }
    present = "; ".join(
        f"{name}: {some_of([str(seed) for seed in sorted(some)], most=5)}"
        for name, some in [*seeds.items()][:3]
    )
    for name, sampler in samplers.items():
        wanted = set(sampler.seeds or ())
        if not any(wanted <= some for some in seeds.values()):
            yield (
                f"{{{study}.llc.settings.{name}.seeds}} are not all seeds of one variant with the "
                f"analysis llc ({present}); choose among these, or null for all"
            )
