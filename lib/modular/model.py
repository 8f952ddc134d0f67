"""The modular-addition network as a pure function of named parameters.

Both residues are embedded by the same E, mapped by W_l and W_r, added, passed through GELU, and read
out: by a map of its own, or by one back to the embedding's width followed by E's transpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from lib.modular.task import TaskSettings
from lib.replicas import Batch, Params
from lib.seeding import StreamKey


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
    """

    embed_dim: int
    hidden_dim: int
    tied_sides: bool = False
    tied_unembedding: bool = False


def initial_parameters(network: NetworkSettings, task: TaskSettings, key: StreamKey) -> Params:
    """Draw parameters as PyTorch's default initialisations do.

    The embedding is standard normal; linear weights and biases are uniform in +-1/sqrt(fan_in).

    Returns
    -------
    dict of str to Tensor
        Ordered from the embedding to the unembedding.
    """
    generator = key.child("init").generator()

    def uniform(*shape: int, fan_in: int) -> Tensor:
        return (2 * torch.rand(*shape, generator=generator) - 1) / sqrt(fan_in)

    width, hidden = network.embed_dim, network.hidden_dim
    params = {"embedding": torch.randn(task.modulus, width, generator=generator)}
    for side in ("left",) if network.tied_sides else ("left", "right"):
        params[f"{side}.weight"] = uniform(hidden, width, fan_in=width)
        params[f"{side}.bias"] = uniform(hidden, fan_in=width)
    outputs = width if network.tied_unembedding else task.modulus
    params["unembedding.weight"] = uniform(outputs, hidden, fan_in=hidden)
    return params


def logits(params: Params, network: NetworkSettings, pairs: Tensor) -> Tensor:
    """Return the logit of every residue, shape (pair, p).

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    pairs : Tensor of int64, shape (pair, 2)
    """
    embedding = params["embedding"]
    left, right = embedding[pairs].unbind(-2)
    side = "left" if network.tied_sides else "right"
    hidden = F.linear(left, params["left.weight"], params["left.bias"])
    hidden = hidden + F.linear(right, params[f"{side}.weight"], params[f"{side}.bias"])
    read = F.linear(F.gelu(hidden), params["unembedding.weight"])
    return read @ embedding.T if network.tied_unembedding else read


def cross_entropy(params: Params, network: NetworkSettings, batch: Batch) -> Tensor:
    """Return the training loss, the mean over pairs of the cross-entropy in nats."""
    pairs, labels = batch
    return F.cross_entropy(logits(params, network, pairs), labels)


@torch.no_grad()
def accuracy(params: Params, network: NetworkSettings, batch: Batch) -> float:
    """Return the share of pairs whose largest logit is that of their label."""
    pairs, labels = batch
    return (logits(params, network, pairs).argmax(-1) == labels).double().mean().item()
