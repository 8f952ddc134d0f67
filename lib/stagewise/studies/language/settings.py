"""What a run of the language study learns from, and with which network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class NetworkSettings:
    """Architecture of the transformer.

    Parameters
    ----------
    vocab_size, context_length, num_layers, num_heads, embed_dim : int
        V, n_ctx, L, H and d; a head has d / H dimensions.
    init_scale : float
        Standard deviation of initial weights times sqrt(d); TransformerLens takes 0.8.
    position_scale : float
        The same for the positional embedding alone.
    """

    vocab_size: int
    context_length: int
    num_layers: int
    num_heads: int
    embed_dim: int
    init_scale: float = 0.8
    position_scale: float = 0.8

    def __post_init__(self) -> None:
        if self.embed_dim % self.num_heads:
            raise ValueError(
                f"num_heads ({self.num_heads}) must divide embed_dim ({self.embed_dim}): "
                "change one of the two"
            )

    @property
    def head_dim(self) -> int:
        """Dimensions of a head."""
        return self.embed_dim // self.num_heads


@dataclass(frozen=True)
class Repetition:
    """How many rows are made repetitive, and how.

    Parameters
    ----------
    share : float
        Share of a batch's rows, rounded.
    shortest, longest : int
        Tokens in a passage, uniform between the two, so that no fixed distance helps.
    """

    share: float
    shortest: int
    longest: int


SPLITS = ("train", "validation", "sampling")
"""Trained on; measured on; seen by the LLC's chains alone."""


@dataclass(frozen=True)
class SplitSettings:
    """How documents are divided.

    Parameters
    ----------
    order : {"random", "given"}
        Whether the held-out documents of a source are any of them or its last ones, validation before
        sampling (as in Hoogland et al. 2024, App. E.1.3, whose sampling set is the two together).
    validation_share, sampling_share : float
        Of every source's documents, rounded; at least one for validation.
    """

    order: Literal["random", "given"]
    validation_share: float
    sampling_share: float
