"""What the networks of one batched program share, and what sets each of them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from stagewise.core.fields import (
    Bounds,
    Count,
    Fraction,
    NotNegative,
    Positive,
    Seed,
    Settings,
    Several,
    TwoOrMore,
)
from stagewise.core.settings import (
    LearningRate,
    Momentum,
    Optimiser,
    OptimiserSettings,
    Scale,
    StepGrids,
    WeightDecay,
    crowded,
    uneven_heads,
)

if TYPE_CHECKING:
    import torch

    from stagewise.core.seeding import StreamKey

Loss = Literal["cross_entropy", "mse"]
Precision = Literal["single", "double"]

_TYPES = {"single": "float32", "double": "float64"}


@dataclass(frozen=True)
class TaskSettings(Settings):
    """The table to be learned, and how much of it is shown."""

    modulus: Annotated[int, Bounds(minimum=3, maximum=2000)]
    """[p] Number of residues; odd for Fourier modes, prime for modes that all look alike."""
    train_fraction: Fraction
    """Share of the p^2 pairs in the training set; the rest are the test set."""
    labels: Literal["sum", "random", "random_commutative"] = "sum"
    """Sums, or a fixed random table that can only be memorised, the last one symmetric in a and b."""

    def contradictions(self) -> Iterator[str]:
        """Yield what leaves one of the two sets empty."""
        if not 2 <= self.num_train < self.modulus**2:
            yield (
                f"{{train_fraction}} of {self.modulus**2} pairs leaves the training set with less than "
                "two, or the test set empty; change one of fraction and modulus"
            )

    @property
    def num_train(self) -> int:
        """Number of pairs in the training set."""
        return round(self.train_fraction * self.modulus**2)


@dataclass(frozen=True)
class NetworkSettings(Settings):
    """Two residues embedded, mapped, added, activated and read out."""

    embed_dim: TwoOrMore
    """[d_e] Width of the embedding; a Fourier mode needs two."""
    hidden_dim: Count
    """[h] Width of the hidden layer."""
    tied_sides: bool = False
    """Whether both residues are mapped by the same weights, W_l = W_r."""
    tied_unembedding: bool = False
    """Whether outputs are read by the embedding's transpose."""
    activation: Literal["gelu", "relu", "quadratic"] = "gelu"
    """Of the hidden layer."""
    scale_embedding: Scale = 1.0
    """Multiplies the embedding as PyTorch draws it."""
    scale_weights: Scale = 1.0
    """Multiplies the linear maps, biases included, as PyTorch draws them."""
    freeze_sides: bool = False
    """Whether the maps of the residues stay as they were drawn."""


@dataclass(frozen=True)
class TransformerSettings(Settings):
    """One layer of attention and an MLP (Nanda et al. 2023); the defaults are the published ones."""

    embed_dim: Count = 128
    """[d] Width of the residual stream."""
    num_heads: Count = 4
    """Attention heads, each of width d / num_heads; they divide the width."""
    hidden_dim: Count = 512
    """Width of the layer between the two maps of the MLP, with ReLU."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the heads."""
        return uneven_heads(self.num_heads, self.embed_dim)


Network = NetworkSettings | TransformerSettings


@dataclass(frozen=True)
class Replica(Settings):
    """One network of a program."""

    name: str
    """Names the random streams, together with the seed; replicas that share both have the same split,
    labels and batches, and the same initial parameters up to their scale."""
    seed: Seed
    learning_rate: Positive
    weight_decay: NotNegative = 0.0
    """With adamw the weights shrink by this share of the learning rate; otherwise it is the coefficient
    of the weights in the gradient."""
    initial_scale: Positive = 1.0
    """Multiplies all initial parameters, on top of the network's own scales."""

    def key(self, study: StreamKey) -> StreamKey:
        """Return the key above all streams of this replica."""
        return study.child(self.name, self.seed)


@dataclass(frozen=True)
class Program(Settings):
    """Settings that all replicas of a program share."""

    task: TaskSettings
    network: Network
    num_steps: Annotated[int, Bounds(minimum=0)]
    """[T] Updates."""
    batch_size: Count | None
    """Pairs in a batch, drawn with replacement; null is the full training set."""
    optimiser: Optimiser = "adam"
    """How the loss is minimised."""
    loss: Loss = "cross_entropy"
    """What is minimised: the mean cross-entropy, or the mean over pairs and residues of the squared
    distance of logits to 0 or 1."""
    momentum: Momentum = 0.0
    """Of sgd; 0 with the others."""
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    """Decay rates of Adam's moments."""
    epsilon: Positive = 1e-8
    """Adam's guard against division by zero."""
    precision: Precision = "single"
    """Floating-point numbers."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the loss."""
        if isinstance(self.network, TransformerSettings) and self.loss != "cross_entropy":
            yield "{loss} must be cross_entropy for the transformer"
        _ = self.update_settings  # checks itself

    @property
    def update_settings(self) -> OptimiserSettings:
        """Settings of the optimiser that replicas share."""
        return OptimiserSettings(self.optimiser, self.momentum, self.betas, self.epsilon)

    @property
    def dtype(self) -> torch.dtype:
        """Type of the parameters."""
        import torch  # not needed where settings are only checked

        return getattr(torch, _TYPES[self.precision])

    def attributes(self) -> dict[str, Any]:
        """Return the settings as text and numbers, one level deep."""
        own = asdict(self)
        task, network = own.pop("task"), own.pop("network")
        kind = "transformer" if isinstance(self.network, TransformerSettings) else "mlp"
        flat = {**own, **task, **network, "architecture": kind}
        flat["betas"] = list(self.betas)
        flat["batch_size"] = self.batch_size or "full"
        return {name: int(v) if isinstance(v, bool) else v for name, v in flat.items()}


@dataclass(frozen=True, kw_only=True)
class SettingEntry(TaskSettings):
    """A setting as configured: a network, a table and how it is learned, for all cases and seeds."""

    architecture: Literal["mlp", "transformer"]
    """Which of the two sections below describes the network."""
    network: NetworkSettings
    transformer: TransformerSettings
    optimiser: Optimiser
    """Adam with decay in the gradient or apart from it, or gradient descent."""
    momentum: Momentum
    """Of sgd; 0 with the others."""
    betas: tuple[Fraction, Fraction]
    """Decay rates of Adam's moments."""
    loss: Loss
    """What is minimised."""
    batch_size: Count | None
    """Pairs in a batch; null is all of them."""
    num_steps: Count
    """[T] Updates."""
    precision: Precision
    """Floating-point numbers."""
    learning_rates: Several[LearningRate]
    """Learning rates; each one is a case of its own."""
    weight_decays: Several[WeightDecay]
    """Weight decays; each one is a case of its own."""
    initial_scales: Several[Scale]
    """Factors of all initial parameters; each one is a case of its own."""
    num_seeds: Count
    """Seeds 0, 1, ... of every case."""
    records: StepGrids
    """Steps at which curves are kept, on two grids at once."""
    checkpoints: StepGrids
    """Steps at which parameters are kept, on two grids at once."""

    def contradictions(self) -> Iterator[str]:
        """Yield what is wrong with the task, the program and the grids."""
        yield from super().contradictions()
        _ = self.program  # checks itself
        for grid in ("records", "checkpoints"):
            count = getattr(self, grid).num_logarithmic
            yield from crowded("num_steps", grid, self.num_steps, count)

    @property
    def program(self) -> Program:
        """What all cases and seeds share."""
        return Program(
            task=TaskSettings(self.modulus, self.train_fraction, self.labels),
            network=self.transformer if self.architecture == "transformer" else self.network,
            num_steps=self.num_steps,
            batch_size=self.batch_size,
            optimiser=self.optimiser,
            loss=self.loss,
            momentum=self.momentum,
            betas=self.betas,
            precision=self.precision,
        )
