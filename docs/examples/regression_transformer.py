"""Somebody's network as a plain module, its data and checkpoints: the in-context regression transformer.

The section `own` of docs/examples/own.yaml names `subject`. Run as a program with a folder that holds
checkpoints-*.npz, with ``steps`` and flat parameters ``vec``, it writes a state dict a step, spread over
training, into the folder that is given second.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stagewise import subject_of_modules

DIMENSION, EXAMPLES, WIDTH, HEADS = 4, 8, 64, 4


class Block(nn.Module):
    """Attention, then a hidden layer of 64; the block adds its input once more than usual."""

    def __init__(self) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.attention = nn.ModuleDict(
            {
                "qkv": nn.Linear(WIDTH, 3 * WIDTH, bias=False),
                "output": nn.Linear(WIDTH, WIDTH, bias=False),
            }
        )
        self.mlp_norm = nn.LayerNorm(WIDTH)
        self.mlp = nn.ModuleDict(
            {"input": nn.Linear(WIDTH, WIDTH), "output": nn.Linear(WIDTH, WIDTH)}
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the stream after the block, shape (context, token, width)."""
        heads = self.attention["qkv"](self.attention_norm(x)).unflatten(-1, (3, HEADS, -1))
        query, key, value = heads.movedim(-3, 0).transpose(-2, -3)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        stream = x + self.attention["output"](mixed.transpose(-2, -3).flatten(-2))
        hidden = F.relu(self.mlp["input"](self.mlp_norm(stream)))
        return x + stream + self.mlp["output"](hidden)


class RegressionTransformer(nn.Module):
    """Two blocks over the tokens (0, x_1), (y_1, 0), (0, x_2), ..."""

    def __init__(self) -> None:
        super().__init__()
        self.token_embedding = nn.Linear(DIMENSION + 1, WIDTH, bias=False)
        self.position_embedding = nn.Embedding(2 * EXAMPLES, WIDTH)
        self.blocks = nn.Sequential(Block(), Block())
        self.unembedding_norm = nn.LayerNorm(WIDTH)
        self.unembedding = nn.Linear(WIDTH, DIMENSION + 1)

    def forward(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the prediction of every label from what precedes it, shape (context, example)."""
        x_tokens, y_tokens = F.pad(inputs, (1, 0)), F.pad(labels.unsqueeze(-1), (0, DIMENSION))
        tokens = torch.stack((x_tokens, y_tokens), dim=-2).flatten(-3, -2)
        x = self.token_embedding(tokens) + self.position_embedding.weight
        return self.unembedding(self.unembedding_norm(self.blocks(x)))[..., ::2, 0]


def contexts(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return inputs (count, 8, 4) and labels (count, 8), each context with a task of its own."""
    generator = torch.Generator().manual_seed(seed)
    tasks = torch.randn(count, DIMENSION, 1, generator=generator)
    inputs = torch.randn(count, EXAMPLES, DIMENSION, generator=generator)
    noise = torch.randn(count, EXAMPLES, generator=generator)
    return inputs, (inputs @ tasks).squeeze(-1) + 0.125**0.5 * noise


def subject(checkpoints: dict[int, Path], device: str):
    """Return the network along its checkpoints, on 4,096 contexts."""
    inputs, labels = (part.to(device) for part in contexts(4096))
    return subject_of_modules(
        lambda: RegressionTransformer().to(device),
        checkpoints,
        nn.MSELoss(),
        (inputs, labels, labels),  # the module sees the labels too; the last part is the target
        num_outputs=128,
        constant_loss=DIMENSION + 0.125,
    )


def write_states(source: Path, target: Path, count: int = 33) -> None:
    """Write `count` state dicts, evenly spread over the checkpoints in the order of time."""
    module = RegressionTransformer()
    rows: dict[int, np.ndarray] = {}
    for path in sorted(source.glob("checkpoints-*.npz")):
        with np.load(path) as arrays:
            rows |= dict(zip(arrays["steps"].tolist(), arrays["vec"], strict=True))
    steps = sorted(rows)
    target.mkdir(parents=True, exist_ok=True)
    for index in np.unique(np.rint(np.linspace(0, len(steps) - 1, count)).astype(int)):
        vector = torch.from_numpy(rows[steps[index]])
        nn.utils.vector_to_parameters(vector, module.parameters())
        torch.save(module.state_dict(), target / f"step-{steps[index]}.pt")


if __name__ == "__main__":
    write_states(Path(sys.argv[1]), Path(sys.argv[2]))
