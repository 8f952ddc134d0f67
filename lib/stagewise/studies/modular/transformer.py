"""The one-layer transformer on modular addition, as a pure function of named parameters.

The tokens are a, b and "="; the answer is read at "=". There is no layer norm, and nothing before the
last position is read, so of all queries only that of "=" is ever made (Nanda et al. 2023, App. A).
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.losses import cross_entropies
from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.settings import TaskSettings, TransformerSettings


def initial_parameters(network: TransformerSettings, task: TaskSettings, key: StreamKey) -> Params:
    """Draw weights as normal numbers of variance 1/d, unembedding of variance 1/p, no biases.

    Returns
    -------
    dict of str to Tensor
        Ordered from the embedding, shape (p + 1, d) with "=" last, to the unembedding.
    """
    generator = key.child("init").generator()
    width, hidden = network.embed_dim, network.hidden_dim

    def normal(*shape: int, variance: float) -> Tensor:
        return sqrt(variance) * torch.randn(*shape, generator=generator)

    return {
        "embedding": normal(task.modulus + 1, width, variance=1 / width),
        "positions": normal(3, width, variance=1 / width),
        **{
            f"{name}.weight": normal(width, width, variance=1 / width)
            for name in ("query", "key", "value", "mix")
        },
        "mlp_in.weight": normal(hidden, width, variance=1 / width),
        "mlp_in.bias": torch.zeros(hidden),
        "mlp_out.weight": normal(width, hidden, variance=1 / width),
        "mlp_out.bias": torch.zeros(width),
        "unembedding.weight": normal(task.modulus, width, variance=1 / task.modulus),
    }


def activations(params: Params, network: TransformerSettings, pairs: Tensor) -> Tensor:
    """Return the residual stream at "=", which the unembedding reads, shape (pair, d).

    Parameters
    ----------
    params : dict of str to Tensor
    network : TransformerSettings
    pairs : Tensor of int64, shape (pair, 2)
    """
    residues, equals = params["embedding"][:-1], params["embedding"][-1]
    positions = params["positions"]
    # A residue's key and value depend on its position only, so p rows serve all pairs.
    placed = torch.stack([residues + positions[0], residues + positions[1]])
    last = equals + positions[2]
    heads = (network.num_heads, -1)
    query = F.linear(last, params["query.weight"]).unflatten(-1, heads)

    def score(stream: Tensor) -> Tensor:
        keys = F.linear(stream, params["key.weight"]).unflatten(-1, heads)
        return (keys * query).sum(-1) / sqrt(query.shape[-1])

    def look_up(table: Tensor) -> Tensor:
        rows = F.embedding(pairs, table.flatten(0, 1).flatten(1))
        return rows.unflatten(-1, table.shape[2:])

    pairs = pairs + pairs.new_tensor([0, len(residues)])
    scores = look_up(score(placed))  # pair, token, head
    own = score(last).expand(len(pairs), 1, -1)
    weights = torch.cat([scores, own], dim=1).softmax(1)[..., None]
    values = look_up(F.linear(placed, params["value.weight"]).unflatten(-1, heads))
    own_value = F.linear(last, params["value.weight"]).unflatten(-1, heads)
    mixed = (weights[:, :2] * values).sum(1) + weights[:, 2] * own_value
    stream = last + F.linear(mixed.flatten(1), params["mix.weight"])
    hidden = F.linear(stream, params["mlp_in.weight"], params["mlp_in.bias"]).relu()
    return stream + F.linear(hidden, params["mlp_out.weight"], params["mlp_out.bias"])


def logits(params: Params, network: TransformerSettings, pairs: Tensor) -> Tensor:
    """Return the logit of every residue, shape (pair, p); parameters as `activations`."""
    return F.linear(activations(params, network, pairs), params["unembedding.weight"])


def cross_entropy(params: Params, network: TransformerSettings, batch: Batch) -> Tensor:
    """Return the training loss, the mean over pairs of the cross-entropy in nats."""
    pairs, labels = batch
    return cross_entropies(logits(params, network, pairs), labels).mean()
