"""The modular-addition network as a pure function of named parameters.

Both residues are embedded by the same E, mapped by W_l and W_r, added, passed through an activation,
and read out: by a map of its own, or by one back to the embedding's width followed by E's transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.losses import cross_entropies
from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "relu": F.relu,
    "quadratic": torch.square,
}


def initial_parameters(network: NetworkSettings, task: TaskSettings, key: StreamKey) -> Params:
    """Draw parameters as PyTorch's default initialisations do, times the network's scales.

    The embedding is standard normal; linear weights and biases are uniform in +-1/sqrt(fan_in). What
    is drawn depends on the key and the shapes, not on the scales.

    Returns
    -------
    dict of str to Tensor
        Ordered from the embedding to the unembedding.
    """
    generator = key.child("init").generator()

    def uniform(*shape: int, fan_in: int) -> Tensor:
        drawn = (2 * torch.rand(*shape, generator=generator) - 1) / sqrt(fan_in)
        return network.scale_weights * drawn

    width, hidden = network.embed_dim, network.hidden_dim
    embedding = torch.randn(task.modulus, width, generator=generator)
    params = {"embedding": network.scale_embedding * embedding}
    for side in ("left",) if network.tied_sides else ("left", "right"):
        params[f"{side}.weight"] = uniform(hidden, width, fan_in=width)
        params[f"{side}.bias"] = uniform(hidden, fan_in=width)
    outputs = width if network.tied_unembedding else task.modulus
    params["unembedding.weight"] = uniform(outputs, hidden, fan_in=hidden)
    return params


def frozen_names(network: NetworkSettings, params: Mapping[str, Tensor]) -> frozenset[str]:
    """Return the names of the parameters that training leaves alone."""
    sides = ("left.", "right.")
    return frozenset(n for n in params if network.freeze_sides and n.startswith(sides))


def activations(params: Params, network: NetworkSettings, pairs: Tensor) -> Tensor:
    """Return the hidden layer, which the unembedding reads, shape (pair, h).

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    pairs : Tensor of int64, shape (pair, 2)
    """
    left, right = params["embedding"][pairs].unbind(-2)
    side = "left" if network.tied_sides else "right"
    hidden = F.linear(left, params["left.weight"], params["left.bias"])
    hidden = hidden + F.linear(right, params[f"{side}.weight"], params[f"{side}.bias"])
    return ACTIVATIONS[network.activation](hidden)


def logits(params: Params, network: NetworkSettings, pairs: Tensor) -> Tensor:
    """Return the logit of every residue, shape (pair, p); parameters as `activations`."""
    read = F.linear(activations(params, network, pairs), params["unembedding.weight"])
    return read @ params["embedding"].T if network.tied_unembedding else read


def cross_entropy(params: Params, network: NetworkSettings, batch: Batch) -> Tensor:
    """Return the training loss, the mean over pairs of the cross-entropy in nats."""
    pairs, labels = batch
    return cross_entropies(logits(params, network, pairs), labels).mean()


def mean_squared_error(params: Params, network: NetworkSettings, batch: Batch) -> Tensor:
    """Return the mean over pairs and residues of the squared distance of logits to 0 or 1."""
    pairs, labels = batch
    outputs = logits(params, network, pairs)
    return F.mse_loss(outputs, F.one_hot(labels, outputs.shape[-1]).to(outputs.dtype))


@torch.no_grad()
def accuracy(params: Params, network: NetworkSettings, batch: Batch) -> float:
    """Return the share of pairs whose largest logit is that of their label."""
    pairs, labels = batch
    return (logits(params, network, pairs).argmax(-1) == labels).double().mean().item()
