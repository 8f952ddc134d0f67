"""The regression transformer as a pure function of named parameters (Hoogland et al. 2024, App. D).

Pre-LN, decoder-only. Each context is a row of 2K tokens of size D + 1: x_k becomes (0, x_k) and y_k
becomes (y_k, 0, ..., 0), alternating. The prediction of y_k is the first entry of the output at x_k.
"""

from __future__ import annotations

from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.regression.settings import NetworkSettings, TaskSettings


def initial_parameters(network: NetworkSettings, task: TaskSettings, key: StreamKey) -> Params:
    """Draw parameters as PyTorch's default initialisations do.

    Linear weights and biases are uniform in +-1/sqrt(fan_in), positions are drawn like the weight of
    a linear layer from 2K to d, layer norms start at one and zero.

    Returns
    -------
    dict of str to Tensor
        Ordered from the embedding to the unembedding.
    """
    generator = key.child("init").generator()

    def uniform(*shape: int, fan_in: int) -> Tensor:
        return (2 * torch.rand(*shape, generator=generator) - 1) / sqrt(fan_in)

    width, tokens, entry = network.embed_dim, 2 * task.num_examples, task.dimension + 1
    params = {
        "token_embedding.weight": uniform(width, entry, fan_in=entry),
        "position_embedding.weight": uniform(tokens, width, fan_in=tokens),
    }
    for layer in range(network.num_layers):
        hidden = network.mlp_dim
        params |= {
            f"blocks.{layer}.attention_norm.weight": torch.ones(width),
            f"blocks.{layer}.attention_norm.bias": torch.zeros(width),
            f"blocks.{layer}.attention.qkv.weight": uniform(3 * width, width, fan_in=width),
            f"blocks.{layer}.attention.output.weight": uniform(width, width, fan_in=width),
            f"blocks.{layer}.mlp_norm.weight": torch.ones(width),
            f"blocks.{layer}.mlp_norm.bias": torch.zeros(width),
            f"blocks.{layer}.mlp.input.weight": uniform(hidden, width, fan_in=width),
            f"blocks.{layer}.mlp.input.bias": uniform(hidden, fan_in=width),
            f"blocks.{layer}.mlp.output.weight": uniform(width, hidden, fan_in=hidden),
            f"blocks.{layer}.mlp.output.bias": uniform(width, fan_in=hidden),
        }
    return params | {
        "unembedding_norm.weight": torch.ones(width),
        "unembedding_norm.bias": torch.zeros(width),
        "unembedding.weight": uniform(entry, width, fan_in=width),
        "unembedding.bias": uniform(entry, fan_in=width),
    }


def tokens_of(inputs: Tensor, labels: Tensor) -> Tensor:
    """Interleave inputs (..., K, D) and labels (..., K) to tokens, shape (..., 2K, D + 1)."""
    x_tokens = F.pad(inputs, (1, 0))
    y_tokens = F.pad(labels.unsqueeze(-1), (0, inputs.shape[-1]))
    return torch.stack((x_tokens, y_tokens), dim=-2).flatten(-3, -2)


def _layer_norm(params: Params, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], params[f"{name}.weight"], params[f"{name}.bias"])


def _split_heads(x: Tensor, parts: int, num_heads: int) -> tuple[Tensor, ...]:
    """Cut (..., token, parts * d) into `parts` tensors (..., head, token, d / num_heads)."""
    return x.unflatten(-1, (parts, num_heads, -1)).movedim(-3, 0).transpose(-2, -3).unbind(0)


def _attention(params: Params, name: str, x: Tensor, num_heads: int, stride: int) -> Tensor:
    """Causal attention of every `stride`-th token to all tokens before it.

    Written out because the fused kernel has no batching rule under vmap and is no faster at 16
    tokens.
    """
    weight = params[f"{name}.qkv.weight"]
    width = x.shape[-1]
    if stride == 1:
        query, key, value = _split_heads(F.linear(x, weight), 3, num_heads)
    else:
        query_weight, rest_weight = weight.split([width, 2 * width])
        (query,) = _split_heads(F.linear(x[..., ::stride, :], query_weight), 1, num_heads)
        key, value = _split_heads(F.linear(x, rest_weight), 2, num_heads)
    position = torch.arange(x.shape[-2], device=x.device)
    hidden = position[::stride, None] < position
    mask = torch.zeros(hidden.shape, device=x.device, dtype=x.dtype).masked_fill(hidden, -torch.inf)
    scores = (query * (width // num_heads) ** -0.5) @ key.transpose(-1, -2) + mask
    mixed = torch.softmax(scores, dim=-1) @ value
    return F.linear(mixed.transpose(-2, -3).flatten(-2), params[f"{name}.output.weight"])


def _transform(
    params: Params, network: NetworkSettings, tokens: Tensor, last_stride: int
) -> Tensor:
    """Run the network; the last block answers at every `last_stride`-th token only."""
    positions = params["position_embedding.weight"][: tokens.shape[-2]]
    x = F.linear(tokens, params["token_embedding.weight"]) + positions
    for layer in range(network.num_layers):
        stride = last_stride if layer == network.num_layers - 1 else 1
        block = f"blocks.{layer}"
        normed = _layer_norm(params, f"{block}.attention_norm", x)
        attended = _attention(params, f"{block}.attention", normed, network.num_heads, stride)
        x = x[..., ::stride, :] if stride > 1 else x
        stream = x + attended
        hidden = _layer_norm(params, f"{block}.mlp_norm", stream)
        hidden = F.linear(
            hidden, params[f"{block}.mlp.input.weight"], params[f"{block}.mlp.input.bias"]
        )
        hidden = F.linear(
            F.relu(hidden), params[f"{block}.mlp.output.weight"], params[f"{block}.mlp.output.bias"]
        )
        stream = stream + hidden
        x = x + stream if network.residual == "doubled" else stream
    x = _layer_norm(params, "unembedding_norm", x)
    return F.linear(x, params["unembedding.weight"], params["unembedding.bias"])


def outputs(params: Params, network: NetworkSettings, inputs: Tensor, labels: Tensor) -> Tensor:
    """Return the outputs at every token, shape (context, 2K, D + 1)."""
    return _transform(params, network, tokens_of(inputs, labels), last_stride=1)


def predictions(params: Params, network: NetworkSettings, inputs: Tensor, labels: Tensor) -> Tensor:
    """Return the predictions of every label from what precedes it, shape (context, K).

    Equal to the first entry of `outputs` at the x tokens; computes nothing that they do not use: the
    last label is seen by no prediction, and the last block answers at x tokens alone.
    """
    tokens = tokens_of(inputs, labels)[..., :-1, :]
    return _transform(params, network, tokens, last_stride=2)[..., 0]


def mean_squared_error(params: Params, network: NetworkSettings, batch: Batch) -> Tensor:
    """Return the training loss, the mean over contexts and positions of (prediction - label)^2."""
    inputs, labels = batch
    return (predictions(params, network, inputs, labels) - labels).square().mean()


def prefix_squared_error(params: Params, network: NetworkSettings, batch: Batch) -> Tensor:
    """Return the likelihood-based loss, the mean over contexts of one squared error each.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    batch : tuple of Tensor
        Inputs, labels and the prefix length k of every context, integer, from 1 to K. A context's
        error is that of the prediction of label k from the examples before it and x_k, and no other.

    Notes
    -----
    Seed 003, App. A.3: the population loss is the sum over k of the probability of k times the loss
    of predictions given a context of length k. So a context gives the error of label k, and not the
    mean over labels 1 to k, which would use dependent answers of one sequence; to avoid these is
    what this loss is for. With k uniform its expectation is that of `mean_squared_error`; the finite
    sample and the noise of minibatches differ.
    """
    inputs, labels, prefix = batch
    errors = (predictions(params, network, inputs, labels) - labels).square()
    return errors.gather(-1, prefix.unsqueeze(-1) - 1).mean()
