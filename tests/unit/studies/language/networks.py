"""Networks built by hand, whose behaviour is known."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.model import initial_parameters
from stagewise.studies.language.settings import NetworkSettings

KEY = StreamKey(0, ("constructed",))


def silent(network: NetworkSettings) -> Params:
    """Return parameters whose heads attend evenly and write nothing."""
    params = initial_parameters(network, KEY)
    return {
        name: torch.zeros_like(value) if ".attention." in name else value
        for name, value in params.items()
    }


def bigram_network(distribution: np.ndarray, context_length: int) -> tuple[Params, NetworkSettings]:
    """Return a network that predicts by the last token alone, as a matrix of probabilities says."""
    vocab_size = len(distribution)
    network = NetworkSettings(vocab_size, context_length, 2, 1, vocab_size)
    params = silent(network)
    params["token_embedding.weight"] = torch.eye(vocab_size)
    # The layer norm turns a unit vector into b + (a - b) e: undo it in the unembedding.
    other, own = F.layer_norm(torch.eye(vocab_size)[0], (vocab_size,))[[1, 0]].tolist()
    logs = torch.from_numpy(distribution).log().float().T
    params["unembedding.weight"] = logs / (own - other)
    params["unembedding.bias"] = -other / (own - other) * logs.sum(1)
    return params, network


def copying_network(vocab_size: int, context_length: int) -> tuple[Params, NetworkSettings]:
    """Return a one-layer network that predicts what has been seen, in proportion to how often."""
    network = NetworkSettings(vocab_size, context_length, 1, 1, vocab_size)
    params = silent(network)
    params["token_embedding.weight"] = 1e-3 * torch.eye(vocab_size)
    params["blocks.0.attention.value.weight"] = torch.eye(vocab_size)
    params["blocks.0.attention.output.weight"] = torch.eye(vocab_size)
    params["unembedding.weight"] = torch.eye(vocab_size)
    return params, network


def induction_network(vocab_size: int, context_length: int) -> tuple[Params, NetworkSettings]:
    """Return a network of two layers and heads in which head 0 of each makes up an induction circuit.

    The residual stream holds the token in its first V dimensions and, written by the first layer, the
    token before it in the next V. Positions take the rest. The other heads are random and faint.
    """
    head_dim = max(vocab_size, context_length, (2 * vocab_size + context_length + 1) // 2)
    network = NetworkSettings(vocab_size, context_length, 2, 2, 2 * head_dim)
    width, token = network.embed_dim, torch.arange(vocab_size)
    place = torch.arange(context_length)
    params = initial_parameters(network, KEY)
    for name in params:
        if ".attention." in name:
            params[name] = 1e-3 * params[name]
            params[name][..., :head_dim] = (
                0 if "output.weight" in name else params[name][..., :head_dim]
            )
            if "output" not in name:
                params[name][:head_dim] = 0
    params["token_embedding.weight"] = torch.eye(vocab_size, width)
    positions = torch.zeros(context_length, width)
    positions[place, 2 * vocab_size + place] = 100.0
    params["position_embedding.weight"] = positions
    own = F.layer_norm(torch.eye(width)[0], (width,))[0]
    first, second = "blocks.0.attention", "blocks.1.attention"
    params[f"{first}.query.weight"][place, 2 * vocab_size + place] = 1.0
    params[f"{first}.key.weight"][place[1:], 2 * vocab_size + place[:-1]] = 1.0
    params[f"{first}.value.weight"][token, token] = 1.0
    params[f"{first}.output.weight"][vocab_size + token, token] = 1 / own
    params[f"{second}.query.weight"][token, token] = 5.0
    params[f"{second}.key.weight"][token, vocab_size + token] = 1.0
    params[f"{second}.value.weight"][token, token] = 1.0
    params[f"{second}.output.weight"][token, token] = 1.0
    params["unembedding.weight"] = torch.eye(vocab_size, width)
    return params, network
