"""What the networks of one batched program share, and what sets each of them apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from stagewise.core.settings import OptimiserSettings

if TYPE_CHECKING:
    import torch

    from stagewise.core.seeding import StreamKey

LABELS = ("sum", "random", "random_commutative")


@dataclass(frozen=True)
class TaskSettings:
    """The table to be learned, and how much of it is shown.

    Parameters
    ----------
    modulus : int
        p, number of residues.
    train_fraction : float
        Share of the p^2 pairs in the training set; the rest are the test set.
    labels : {"sum", "random", "random_commutative"}
        "sum" is modular addition; the others are fixed random tables, which can only be memorised,
        the last one symmetric in a and b.

    Raises
    ------
    ValueError
        If a setting is out of range or leaves one of the two sets empty.
    """

    modulus: int
    train_fraction: float
    labels: str = "sum"

    def __post_init__(self) -> None:
        if self.modulus < 2:
            raise ValueError(f"modulus must be at least 2, not {self.modulus}")
        if not 0 < self.num_train < self.modulus**2:
            raise ValueError(
                f"train_fraction {self.train_fraction} of {self.modulus**2} pairs leaves the "
                "training or the test set empty"
            )
        if self.labels not in LABELS:
            raise ValueError(f"labels must be one of {', '.join(LABELS)}, not {self.labels!r}")

    @property
    def num_train(self) -> int:
        """Number of pairs in the training set."""
        return round(self.train_fraction * self.modulus**2)


@dataclass(frozen=True)
class NetworkSettings:
    """Architecture of the network.

    Parameters
    ----------
    embed_dim : int
        d_e, width of the embedding.
    hidden_dim : int
        h, width of the hidden layer.
    tied_sides : bool
        Whether W_r is W_l.
    tied_unembedding : bool
        Whether outputs are read by E's transpose.
    activation : {"gelu", "relu", "quadratic"}
        Of the hidden layer.
    scale_embedding : float
        Multiplies E as it is drawn.
    scale_weights : float
        Multiplies the linear maps, biases included, as they are drawn.
    freeze_sides : bool
        Whether W_l and W_r stay as they were drawn.

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    embed_dim: int
    hidden_dim: int
    tied_sides: bool = False
    tied_unembedding: bool = False
    activation: str = "gelu"
    scale_embedding: float = 1.0
    scale_weights: float = 1.0
    freeze_sides: bool = False

    def __post_init__(self) -> None:
        if self.embed_dim < 2:  # a Fourier mode is a plane
            raise ValueError(f"embed_dim must be at least 2, not {self.embed_dim}")
        if self.hidden_dim < 1:
            raise ValueError(f"hidden_dim must be at least 1, not {self.hidden_dim}")
        if self.activation not in _ACTIVATIONS:
            known = ", ".join(_ACTIVATIONS)
            raise ValueError(f"activation must be one of {known}, not {self.activation!r}")
        for name in ("scale_embedding", "scale_weights"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")


@dataclass(frozen=True)
class TransformerSettings:
    """Architecture of the transformer; the defaults are the published ones.

    Parameters
    ----------
    embed_dim : int
        d, width of the residual stream.
    num_heads : int
        Attention heads, each of width d / num_heads.
    hidden_dim : int
        Width of the layer between the two maps of the MLP, with ReLU.

    Raises
    ------
    ValueError
        If the heads do not divide the width.
    """

    embed_dim: int = 128
    num_heads: int = 4
    hidden_dim: int = 512

    def __post_init__(self) -> None:
        if self.num_heads < 1 or self.embed_dim % self.num_heads:
            raise ValueError(
                f"num_heads ({self.num_heads}) must divide embed_dim ({self.embed_dim})"
            )


Network = NetworkSettings | TransformerSettings


LOSSES = ("cross_entropy", "mse")


PRECISIONS = {"single": "float32", "double": "float64"}
"""Types of torch, by the words of the configuration."""

_ACTIVATIONS = ("gelu", "relu", "quadratic")


@dataclass(frozen=True)
class Replica:
    """One network of a program.

    Parameters
    ----------
    name : str
        Names the random streams, together with the seed; replicas that share both have the same
        split, labels and batches, and the same initial parameters up to their scale.
    seed : int
    learning_rate : float
    weight_decay : float
        With "adamw" the weights shrink by this share of the learning rate; otherwise it is the
        coefficient of the weights in the gradient.
    initial_scale : float
        Multiplies all initial parameters, on top of the network's own scales.

    Raises
    ------
    ValueError
        If a number is out of range; names the setting.
    """

    name: str
    seed: int
    learning_rate: float
    weight_decay: float = 0.0
    initial_scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.learning_rate < inf:
            raise ValueError(f"learning_rate must be positive, not {self.learning_rate}")
        if not 0 <= self.weight_decay < inf:
            raise ValueError(f"weight_decay must not be negative, not {self.weight_decay}")
        if not 0 < self.initial_scale < inf:
            raise ValueError(f"initial_scale must be positive, not {self.initial_scale}")

    def key(self, study: StreamKey) -> StreamKey:
        """Return the key above all streams of this replica."""
        return study.child(self.name, self.seed)


@dataclass(frozen=True)
class Program:
    """Settings that all replicas of a program share.

    Parameters
    ----------
    task : TaskSettings
    network : NetworkSettings or TransformerSettings
    num_steps : int
        Number of updates T.
    batch_size : int or None
        Pairs in a batch, drawn with replacement; None is the full training set.
    optimiser : {"adam", "adamw", "sgd"}
    loss : {"cross_entropy", "mse"}
        What is minimised: the mean cross-entropy, or the mean over pairs and residues of the squared
        distance of logits to 0 or 1.
    momentum : float
        Of "sgd"; in [0, 1).
    betas : tuple of float
        Decay rates of Adam's moments.
    epsilon : float
        Adam's guard against division by zero.
    precision : {"single", "double"}

    Raises
    ------
    ValueError
        If a setting is out of range; names the setting.
    """

    task: TaskSettings
    network: Network
    num_steps: int
    batch_size: int | None
    optimiser: str = "adam"
    loss: str = "cross_entropy"
    momentum: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    precision: str = "single"

    def __post_init__(self) -> None:
        choices = {"loss": LOSSES, "precision": PRECISIONS}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}"
                )
        if self.num_steps < 0:
            raise ValueError(f"num_steps must not be negative, not {self.num_steps}")
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1 or null, not {self.batch_size}")
        _ = self.update_settings  # checks them

    @property
    def update_settings(self) -> OptimiserSettings:
        """Settings of the optimiser that replicas share."""
        return OptimiserSettings(self.optimiser, self.momentum, self.betas, self.epsilon)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        import torch  # not needed where settings are only checked

        return getattr(torch, PRECISIONS[self.precision])

    def attributes(self) -> dict[str, Any]:
        """Return the settings as text and numbers, one level deep."""
        own = asdict(self)
        task, network = own.pop("task"), own.pop("network")
        kind = "transformer" if isinstance(self.network, TransformerSettings) else "mlp"
        flat = {**own, **task, **network, "architecture": kind}
        flat["betas"] = list(self.betas)
        flat["batch_size"] = self.batch_size or "full"
        return {name: int(v) if isinstance(v, bool) else v for name, v in flat.items()}
