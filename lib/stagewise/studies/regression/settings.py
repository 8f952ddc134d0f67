"""What a run of the regression study learns, and with which network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stagewise.core.fields import Count, Settings, TwoOrMore
from stagewise.core.settings import Scale, uneven_heads


@dataclass(frozen=True)
class TaskSettings(Settings):
    """Distribution of contexts."""

    dimension: Count
    """[D] Entries of an input x."""
    num_examples: TwoOrMore
    """[K] Examples in a context; at least dimension."""
    noise_variance: Scale
    """[sigma^2] Variance of the label noise, not its standard deviation."""
    num_tasks: Count | None = None
    """[M] Size of a finite set of tasks; null draws a new task for every context."""

    def contradictions(self) -> Iterator[str]:
        """Yield what leaves no example at which a task of this dimension is known."""
        if self.num_examples < self.dimension:
            yield (
                "{num_examples} must be at least {dimension}, the example at which ICL scores divide; "
                "raise the first or lower the second"
            )


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Architecture of the transformer."""

    num_layers: Count
    """[L] Transformer blocks."""
    num_heads: Count
    """[H] Attention heads in a block; must divide embed_dim."""
    embed_dim: Count
    """[d_embed] Width of the residual stream."""
    mlp_dim: Count
    """[d_mlp] Hidden width of an MLP."""
    residual: Literal["doubled", "standard"]
    """Whether a block's input is added twice as published, x <- x + block(x) where block(x) already
    contains x (doubled), or once (standard)."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the heads."""
        return uneven_heads(self.num_heads, self.embed_dim)
