"""What a run of the regression study learns, and with which network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskSettings:
    """Distribution of contexts.

    Parameters
    ----------
    dimension : int
        D, size of an input x.
    num_examples : int
        K, examples in a context.
    noise_variance : float
        Variance (not standard deviation) of the label noise.
    num_tasks : int or None
        M, size of the finite set of tasks; None draws a new task for every context.
    """

    dimension: int
    num_examples: int
    noise_variance: float
    num_tasks: int | None = None


@dataclass(frozen=True)
class NetworkSettings:
    """Architecture of the transformer.

    Parameters
    ----------
    num_layers, num_heads, embed_dim, mlp_dim : int
        L, H, d and d_mlp of the paper.
    residual : {"doubled", "standard"}
        "doubled" adds each block's input a second time, as the published code does:
        x <- x + block(x) where block(x) already contains x.
    """

    num_layers: int
    num_heads: int
    embed_dim: int
    mlp_dim: int
    residual: str

    def __post_init__(self) -> None:
        if self.embed_dim % self.num_heads:
            raise ValueError(
                f"num_heads ({self.num_heads}) must divide embed_dim ({self.embed_dim}): "
                "change one of the two"
            )
        if self.residual not in ("doubled", "standard"):
            raise ValueError(f"residual must be 'doubled' or 'standard', not {self.residual!r}")
