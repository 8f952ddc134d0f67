"""Regression transformers whose inside is known: what is planted in them must be found."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import xarray as xr
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.regression.model import initial_parameters
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings
from stagewise.studies.regression.structure import along_steps
from stagewise.studies.regression.task import sample_contexts

TASK = TaskSettings(dimension=4, num_examples=8, noise_variance=0.125)
NETWORK = NetworkSettings(num_layers=2, num_heads=4, embed_dim=64, mlp_dim=64, residual="doubled")
STEPS = (0, 10, 100, 1000, 10_000)
THRESHOLD = 0.8
NORMS = ("blocks.0.attention_norm", "blocks.0.mlp_norm", "blocks.1.attention_norm")
NORMS = (*NORMS, "blocks.1.mlp_norm", "unembedding_norm")

Plant = Callable[[Params, float, torch.Generator], Params]
"""Changes untrained parameters by the share of training that is over."""


def structure_of(plant: Plant, seed: int = 0, num_contexts: int = 16) -> xr.Dataset:
    """Return the structure along a training that a plant makes up."""
    key = StreamKey(seed, ("planted",))

    def checkpoints():
        for index, step in enumerate(STEPS):
            params = initial_parameters(NETWORK, TASK, key)
            progress = index / (len(STEPS) - 1)
            yield step, params | plant(params, progress, key.child("plant").generator())

    contexts = sample_contexts(TASK, num_contexts, key.child("contexts").generator())
    return along_steps(checkpoints(), NETWORK, contexts, THRESHOLD)


def drifting(params: Params, progress: float, generator: torch.Generator) -> Params:
    """Every weight moves at random, matrices by as much as they began with, and they grow."""
    return {
        name: (1 + progress) * (value + progress * value.std() * _noise(value, generator))
        if value.ndim > 1
        else value + 0.3 * progress * _noise(value, generator)
        for name, value in params.items()
    }


def shrinking(shares: Mapping[str, float], linear: float, delay: float = 0.0) -> Plant:
    """Shares of the weights of layer norms go to zero, and a share of the linear ones after them."""

    def plant(params: Params, progress: float, generator: torch.Generator) -> Params:
        changed = drifting(params, progress, generator)
        for name, share in shares.items():
            changed[f"{name}.weight"] = _shrunk(changed[f"{name}.weight"], share, progress)
        row = changed["unembedding.weight"][0]
        late = max(0.0, (progress - delay) / (1 - delay))
        changed["unembedding.weight"] = torch.cat(
            [_shrunk(row, linear, late)[None], changed["unembedding.weight"][1:]]
        )
        return changed

    return plant


def _shrunk(weights: Tensor, share: float, progress: float) -> Tensor:
    """Return weights of which as many as are due by now are nearly zero."""
    return torch.where(torch.arange(len(weights)) < progress * share * len(weights), 1e-3, weights)


def embedded(*, tokens: float = 1.0, positions: float = 1.0, aligned: bool = False) -> Plant:
    """Embeddings whose smallest singular values end at a share of their size, maybe in one space."""

    def plant(params: Params, progress: float, generator: torch.Generator) -> Params:
        changed = drifting(params, progress, generator)
        token = _flattened(changed["token_embedding.weight"], 1, 1 + progress * (tokens - 1))
        position = changed["position_embedding.weight"].T
        if aligned:
            basis = torch.linalg.qr(token)[0]
            inside = basis @ (basis.T @ position)
            # Positions keep their size while they turn into the tokens' space.
            inside = inside * position.norm() / inside.norm()
            position = (1 - progress) * position + progress * inside
            position = position + 0.02 * position.std() * _noise(position, generator)
        position = _flattened(position, 8, 1 + progress * (positions - 1))
        return changed | {
            "token_embedding.weight": token,
            "position_embedding.weight": position.T.contiguous(),
        }

    return plant


def _flattened(matrix: Tensor, count: int, factor: float) -> Tensor:
    """Return a matrix with its smallest singular values multiplied by a factor."""
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    return left @ torch.diag(torch.cat([sizes[:-count], factor * sizes[-count:]])) @ right


def attending(aims: Mapping[tuple[int, int], Callable[[int], int]], hardness: float = 4.0) -> Plant:
    """Heads, by layer and head from 0, that come to attend to one place a query, whatever is said there.

    Positions are told apart by entries of their own, large ones, which queries and keys of these heads
    read.
    """

    def plant(params: Params, progress: float, generator: torch.Generator) -> Params:
        changed = drifting(params, progress, generator)
        position = torch.zeros(16, 64)
        position[:, 16:32] = 30 * torch.eye(16)
        changed["position_embedding.weight"] = position
        for layer in range(2):
            # Nothing is added to the stream, so that layer 2 sees the positions as well.
            for part in ("attention.output.weight", "mlp.output.weight", "mlp.output.bias"):
                name = f"blocks.{layer}.{part}"
                changed[name] = torch.zeros_like(params[name])
            changed[f"blocks.{layer}.attention_norm.weight"] = torch.ones(64)
            changed[f"blocks.{layer}.attention_norm.bias"] = torch.zeros(64)
        for (layer, head), aim in aims.items():
            weight = changed[f"blocks.{layer}.attention.qkv.weight"].clone()
            query = torch.zeros(16, 64)
            for place in range(16):
                query[min(max(aim(place), 0), place), 16 + place] = hardness * progress
            key = torch.zeros(16, 64)
            key[:, 16:32] = torch.eye(16)
            weight[16 * head : 16 * (head + 1)] = query
            weight[64 + 16 * head : 64 + 16 * (head + 1)] = key
            changed[f"blocks.{layer}.attention.qkv.weight"] = weight
        return changed

    return plant


def choosing(head: int, strength: float = 400.0) -> Plant:
    """Let a head attend hard, and to what the tokens say."""

    def plant(params: Params, progress: float, generator: torch.Generator) -> Params:
        changed = drifting(params, progress, generator)
        name = "blocks.0.attention.qkv.weight"
        weight = changed[name].clone()
        for part in range(2):
            weight[64 * part + 16 * head : 64 * part + 16 * (head + 1)] *= strength**0.5 * progress
        return changed | {name: weight}

    return plant


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator)
