"""The language study's part of the configuration (Hoogland et al. 2024, section 4, App. C and E.1).

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from stagewise.core.entries import Changes, LeftOut
from stagewise.core.fields import Bounds, Count, Name, Seed, Settings, Several, Text, TwoOrMore
from stagewise.core.settings import StepGrids
from stagewise.development.settings import EssentialDynamicsSettings, StageSettings
from stagewise.studies.language.settings import (
    LanguageTraining,
    NetworkSettings,
    SplitSettings,
    VocabSize,
)
from stagewise.studies.sections import (
    Analysis,
    ConfiguredForms,
    Published,
    SampledLlc,
    more_than_trained,
)


@dataclass(frozen=True)
class FolderSettings(Settings):
    """A folder of .txt, .jsonl and .parquet files."""

    path: Text | None
    """The folder, or null where this source is not used."""
    column: Text
    """Column of the text in .jsonl and .parquet files."""
    licence: Text
    """Licence of the text, for the report."""


@dataclass(frozen=True)
class HubSettings(Settings):
    """A data set of the Hugging Face hub."""

    name: Text
    """Name of the data set, or a folder in its layout."""
    revision: Text
    """Commit, tag or branch."""
    split: Text
    """Split of the data set that is read."""
    column: Text
    """Column of the text."""
    licence: Text
    """Licence of the text, for the report."""
    num_rows: Count | None
    """How many rows are read, the first ones; null reads all."""


@dataclass(frozen=True)
class CorpusSettings(Settings):
    """Where the text comes from, and which documents are held out."""

    source: Literal["packages", "folder", "hub"]
    """Which of the three kinds of source is read."""
    packages: Several[
        Literal["wikipedia_leads", "wikipedia_articles", "bible", "shakespeare", "service_manuals"]
    ]
    """Pinned packages whose prose is read; each has its text and licence in
    studies/language/packages.py."""
    folder: FolderSettings
    hub: HubSettings
    split: SplitSettings

    def contradictions(self) -> Iterator[str]:
        """Yield what the source lacks."""
        if self.source == "folder" and self.folder.path is None:
            yield "{folder.path} must name the folder that 'source: folder' reads"


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """What metrics are measured on."""

    num_rows: TwoOrMore
    """Validation rows behind all measures on text."""
    num_synthetic: TwoOrMore
    """Rows of random tokens behind each head's scores."""
    match_distance: Count
    """Most tokens between the places of a token that completes a repeated bigram and of its control."""
    icl_positions: tuple[Count, Count]
    """Context positions whose losses the ICL score compares, the early one first."""
    ablation_positions: Several[Count]
    """Context positions at which losses with and without the positional embedding are measured."""
    ngram_lengths: Several[TwoOrMore]
    """Lengths of the common n-grams that have a score."""


@dataclass(frozen=True)
class TrajectorySettings(Settings):
    """Record of the logits on fixed contexts during training, the function-space vector f_t."""

    num_contexts: Count
    """Tokens-in-context whose logits make up f_t, each of another validation row."""
    num_steps: TwoOrMore
    """Linearly spaced steps at which f_t is recorded; at most training.num_steps + 1."""
    precision: Literal["float16", "float32"]
    """Type in which f_t is stored."""


@dataclass(frozen=True)
class RunSettings(Settings):
    """What a run is made of."""

    corpus: CorpusSettings
    vocab_size: VocabSize
    """[V] Tokens that are kept of GPT-2's, end-of-text among them."""
    context_length: Annotated[int, Bounds(minimum=8)]
    """[n_ctx] Tokens in a row."""
    network: Annotated[NetworkSettings, LeftOut(("vocab_size", "context_length"))]
    training: LanguageTraining
    checkpoints: StepGrids
    """Steps at which parameters are kept, on two grids at once."""
    evaluation: EvaluationSettings
    trajectory: TrajectorySettings

    def contradictions(self) -> Iterator[str]:
        """Yield what asks for more steps or tokens than there are."""
        yield from more_than_trained(
            self.training.num_steps, self.checkpoints, self.trajectory.num_steps
        )
        early, late = self.evaluation.icl_positions
        if not early < late < self.context_length:
            yield "{evaluation.icl_positions} must ascend and stay below {context_length}"
        if max(self.evaluation.ablation_positions) >= self.context_length:
            yield "{evaluation.ablation_positions} must stay below {context_length}"
        if max(self.evaluation.ngram_lengths) > self.context_length:
            yield "{evaluation.ngram_lengths} must stay below {context_length}"
        if self.network.embed_dim < 3:
            yield "{network.embed_dim} must be at least 3, for the shape of positions"
        if (
            self.training.repeated_share
            and max(self.training.repeated_tokens) > self.context_length
        ):
            yield (
                "{training.repeated_tokens} is more than the tokens of a row, {context_length}; lower it"
            )


@dataclass(frozen=True)
class Variant(Settings):
    """One variant of the study."""

    seeds: Several[Seed]
    """Seeds of the variant; each one is a run, and the first one is shown."""
    settings: Annotated[
        Mapping[str, Any],
        Changes(RunSettings),
        LeftOut(("corpus", "vocab_size", "context_length")),
    ]
    """Changes to the study's settings, but for the text; what is not named stays as it is."""
    analyses: Several[Analysis]
    """What is computed from the variant's runs."""


@dataclass(frozen=True, kw_only=True)
class LanguageLlc(SampledLlc):
    """Local learning coefficients along training."""

    chains_at_a_time: Count | None
    """Chains that run side by side; null is all. Fewer take less memory; no effect on results."""
    source: Literal["sampling", "train"]
    """Split whose rows define L_n."""

    def contradictions(self) -> Iterator[str]:
        """Yield which loss there is none of."""
        for name, sampler in self.settings.items():
            if sampler.loss != "all_positions":
                yield f"{{settings.{name}.loss}} must be all_positions: language models have no other"


@dataclass(frozen=True, kw_only=True)
class LanguageStudy(RunSettings):
    """Attention-only language models (Hoogland et al. 2024, section 4, App. C and E.1)."""

    variants: Mapping[Name, Variant]
    """Named variants of the study; each one has a run for each of its seeds."""
    ngrams: Count
    """Common n-grams of each length on which the n-gram score is measured."""
    llc: LanguageLlc
    stages: StageSettings
    essential_dynamics: EssentialDynamicsSettings
    forms: ConfiguredForms
    published: Published

    def contradictions(self) -> Iterator[str]:
        """Yield what else is missing for the LLC."""
        yield from super().contradictions()
        if self.llc.source == "sampling" and not self.corpus.split.sampling_share:
            yield (
                "{llc.source} needs rows, but {corpus.split.sampling_share} leaves none; set a share or "
                "'source: train'"
            )
