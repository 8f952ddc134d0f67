"""The attention-only transformer, a pure function of named parameters (Hoogland et al. 2024, E.1.1).

Pre-LN, decoder-only, without MLPs. Positions are Shortformer's (Press et al. 2021): the positional
embedding is added to what queries and keys are made of, after the layer norm, and never to values or
to the residual stream. Biases are as in TransformerLens: on queries, keys, values, outputs of attention
and logits.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.losses import cross_entropies
from stagewise.core.replicas import Batch, Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.settings import NetworkSettings

PROJECTIONS = ("query", "key", "value", "output")


def initial_parameters(network: NetworkSettings, key: StreamKey) -> Params:
    """Draw parameters as TransformerLens does: normal weights of one scale, zero biases.

    Returns
    -------
    dict of str to Tensor
        Ordered from the embedding to the unembedding. Weights of linear maps have shape (out, in).
    """
    generator = key.child("init").generator()
    width, vocab = network.embed_dim, network.vocab_size

    def normal(*shape: int, scale: float = network.init_scale) -> Tensor:
        return torch.randn(*shape, generator=generator) * scale / width**0.5

    params = {
        "token_embedding.weight": normal(vocab, width),
        "position_embedding.weight": normal(
            network.context_length, width, scale=network.position_scale
        ),
    }
    for layer in range(network.num_layers):
        block = f"blocks.{layer}"
        params[f"{block}.attention_norm.weight"] = torch.ones(width)
        params[f"{block}.attention_norm.bias"] = torch.zeros(width)
        for name in PROJECTIONS:
            params[f"{block}.attention.{name}.weight"] = normal(width, width)
            params[f"{block}.attention.{name}.bias"] = torch.zeros(width)
    return params | {
        "unembedding_norm.weight": torch.ones(width),
        "unembedding_norm.bias": torch.zeros(width),
        "unembedding.weight": normal(vocab, width),
        "unembedding.bias": torch.zeros(vocab),
    }


def _layer_norm(params: Params, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], params[f"{name}.weight"], params[f"{name}.bias"])


def _projection(params: Params, name: str, x: Tensor) -> Tensor:
    return F.linear(x, params[f"{name}.weight"], params[f"{name}.bias"])


def _heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut (..., token, d) into heads (..., head, token, d / H)."""
    return x.unflatten(-1, (num_heads, -1)).transpose(-2, -3)


def _queries_and_keys(
    params: Params, network: NetworkSettings, layer: int, normed: Tensor
) -> tuple[Tensor, Tensor]:
    name = f"blocks.{layer}.attention"
    placed = normed + params["position_embedding.weight"][: normed.shape[-2]]
    query, key = (_projection(params, f"{name}.{part}", placed) for part in ("query", "key"))
    return _heads(query, network.num_heads), _heads(key, network.num_heads)


def _pattern(query: Tensor, key: Tensor) -> Tensor:
    """Return the weights of causal attention, shape (..., head, query, key)."""
    length = query.shape[-2]
    hidden = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    mask = torch.zeros(hidden.shape, dtype=query.dtype, device=query.device)
    mask = mask.masked_fill(hidden, -torch.inf)
    return torch.softmax(query * query.shape[-1] ** -0.5 @ key.transpose(-1, -2) + mask, dim=-1)


def _attention(
    params: Params, network: NetworkSettings, layer: int, normed: Tensor, fused: bool
) -> Tensor:
    name = f"blocks.{layer}.attention"
    query, key = _queries_and_keys(params, network, layer, normed)
    value = _heads(_projection(params, f"{name}.value", normed), network.num_heads)
    if fused:
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    else:
        mixed = _pattern(query, key) @ value
    return _projection(params, f"{name}.output", mixed.transpose(-2, -3).flatten(-2))


def residual_streams(
    params: Params, network: NetworkSettings, tokens: Tensor, fused: bool = True
) -> Iterator[Tensor]:
    """Yield the residual stream before every layer and after the last, each (..., token, d).

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    tokens : Tensor of int64, shape (..., token)
        At most n_ctx tokens.
    fused : bool
        Whether attention is the fused kernel, which is faster and needs no memory for the patterns but
        has no batching rule under vmap. No effect on results beyond rounding.

    Raises
    ------
    ValueError
        If there are more tokens than positions.
    """
    if tokens.shape[-1] > network.context_length:
        raise ValueError(
            f"{tokens.shape[-1]} tokens are more than the context of {network.context_length}"
        )
    stream = params["token_embedding.weight"][tokens]
    yield stream
    for layer in range(network.num_layers):
        normed = _layer_norm(params, f"blocks.{layer}.attention_norm", stream)
        stream = stream + _attention(params, network, layer, normed, fused)
        yield stream


def logits(params: Params, network: NetworkSettings, tokens: Tensor, fused: bool = True) -> Tensor:
    """Return the logits of the next token at every token, shape (..., token, V)."""
    *_, stream = residual_streams(params, network, tokens, fused)
    return _projection(params, "unembedding", _layer_norm(params, "unembedding_norm", stream))


def logits_at(
    params: Params, network: NetworkSettings, tokens: Tensor, positions: Tensor
) -> Tensor:
    """Return the logits at one token of each row, shape (row, V); `positions` has shape (row,)."""
    *_, stream = residual_streams(params, network, tokens)
    stream = stream[torch.arange(len(tokens), device=tokens.device), positions]
    return _projection(params, "unembedding", _layer_norm(params, "unembedding_norm", stream))


def token_losses(
    params: Params, network: NetworkSettings, tokens: Tensor, fused: bool = True
) -> Tensor:
    """Return the cross-entropy in nats of every token but the first, shape (row, token - 1).

    Entry k is the loss of predicting token k + 1 from tokens 0 to k.
    """
    predicted = logits(params, network, tokens, fused)[..., :-1, :]
    return cross_entropies(predicted, tokens[..., 1:])


def cross_entropy(
    params: Params, network: NetworkSettings, batch: Batch, fused: bool = True
) -> Tensor:
    """Return the training loss, the mean over rows and positions of the cross-entropy in nats."""
    (tokens,) = batch
    return token_losses(params, network, tokens, fused).mean()


@torch.no_grad()
def attention_patterns(params: Params, network: NetworkSettings, tokens: Tensor) -> Tensor:
    """Return what every head attends to, shape (layer, row, head, query, key)."""
    streams = residual_streams(params, network, tokens)
    patterns = []
    for layer, stream in zip(range(network.num_layers), streams, strict=False):
        normed = _layer_norm(params, f"blocks.{layer}.attention_norm", stream)
        patterns.append(_pattern(*_queries_and_keys(params, network, layer, normed)))
    return torch.stack(patterns)


def without_positions(params: Params) -> Params:
    """Return the parameters with the positional embedding zeroed."""
    name = "position_embedding.weight"
    return {**params, name: torch.zeros_like(params[name])}
