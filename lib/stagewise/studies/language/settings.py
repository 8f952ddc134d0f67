"""What a run of the language study learns from, and with which network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from stagewise.core.fields import Bounds, Count, Fraction, Positive, Settings, Share
from stagewise.core.precisions import Precision
from stagewise.core.settings import LearningRate, Scale, TrainingSettings, WeightDecay, uneven_heads

SPLITS = ("train", "validation", "sampling")
"""Trained on; measured on; seen by the LLC's chains alone."""

VocabSize = Annotated[int, Bounds(minimum=257, maximum=50257)]


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Architecture of the attention-only transformer."""

    vocab_size: Count
    """[V] Tokens."""
    context_length: Count
    """[n_ctx] Tokens in a row."""
    num_layers: Count
    """[L] Layers of attention."""
    num_heads: Count
    """[H] Attention heads in a layer; must divide embed_dim."""
    embed_dim: Count
    """[d] Width of the residual stream; a head has d / H dimensions."""
    init_scale: Scale = 0.8
    """Standard deviation of initial weights, times the root of embed_dim; TransformerLens takes 0.8."""
    position_scale: Scale = 0.8
    """The same for the positional embedding alone."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the heads."""
        return uneven_heads(self.num_heads, self.embed_dim)

    @property
    def head_dim(self) -> int:
        """Dimensions of a head."""
        return self.embed_dim // self.num_heads


@dataclass(frozen=True)
class Repetition(Settings):
    """How many rows are made repetitive, and how."""

    share: Share
    """Share of a batch's rows that repeat a passage of their own text, rounded; 0 trains on the text as
    it is."""
    shortest: Count
    """Tokens in the shortest passage that is repeated."""
    longest: Count
    """Tokens in the longest one; lengths are uniform between the two, so that no fixed distance
    helps."""


@dataclass(frozen=True)
class LanguageTraining(Settings):
    """AdamW with a constant learning rate, on rows of which some are made repetitive."""

    num_steps: Count
    """[T] Updates of a run."""
    batch_size: Count
    """Rows in a batch."""
    learning_rate: LearningRate
    """Learning rate of every update."""
    weight_decay: WeightDecay
    """Share of the learning rate by which an update shrinks the parameters; 0 for none."""
    betas: tuple[Fraction, Fraction]
    """Decay rates of AdamW's first and second moment."""
    epsilon: Positive
    """AdamW's guard against division by zero."""
    segment_steps: Count
    """Updates between two saves of the resumable state; no effect on results."""
    repeated_share: Share
    """Share of a batch's rows that repeat a passage of their own text; 0 trains on the text as it
    is."""
    repeated_tokens: tuple[Count, Count]
    """Tokens in the shortest and the longest passage that is repeated."""
    precision: Precision = "float32"
    """In what losses and gradients multiply: float32; tf32, with factors of 10 bits on a GPU and as
    float32 elsewhere; bf16, with products of 7 bits, parameters and updates in float32."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the passages."""
        shortest, longest = self.repeated_tokens
        if shortest > longest:
            yield "{repeated_tokens} must ascend; put the shortest first"

    @property
    def updates(self) -> TrainingSettings:
        """How parameters are updated."""
        return TrainingSettings(
            num_steps=self.num_steps,
            batch_size=self.batch_size,
            max_learning_rate=self.learning_rate,
            warmup_fraction=None,
            betas=self.betas,
            epsilon=self.epsilon,
            segment_steps=self.segment_steps,
            weight_decay=self.weight_decay,
            precision=self.precision,
        )

    @property
    def repetition(self) -> Repetition:
        """How many rows are made repetitive, and how."""
        return Repetition(self.repeated_share, *self.repeated_tokens)


@dataclass(frozen=True)
class SplitSettings(Settings):
    """How documents are divided, source by source, into train, validation and sampling."""

    order: Literal["random", "given"]
    """Whether held-out documents are any (random) or the last ones, validation before sampling (given),
    as in Hoogland et al. 2024, App. E.1.3, whose sampling set is the two together."""
    validation_share: Fraction
    """Share of the documents that measures are taken on, rounded; at least one."""
    sampling_share: Annotated[float, Bounds(minimum=0, exclusiveMaximum=1)]
    """Share of the documents that only the LLC's chains see, rounded; 0 for none."""

    def contradictions(self) -> Iterator[str]:
        """Yield what leaves no document to train on."""
        if self.validation_share + self.sampling_share >= 1:
            yield (
                "{validation_share} and {sampling_share} leave no documents to train on; "
                "lower one of the two"
            )
