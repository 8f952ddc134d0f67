"""What the linear maps of a regression transformer are given: second moments of their inputs.

Apart from `model`, so that looking at networks makes none of the trained ones stale; a test holds the
two together.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.replicas import Batch, Params
from stagewise.studies.regression.model import tokens_of
from stagewise.studies.regression.settings import NetworkSettings


@dataclass(frozen=True)
class Moments:
    """Second moments of what one kind of map is given, where the loss depends on it.

    Parameters
    ----------
    seen : Tensor, shape (head, input, input)
        With the attention that there is; a map without heads has one.
    unattended : Tensor, shape (head, input, input)
        With equal attention to all visible tokens instead; the same where no attention is.
    """

    seen: Tensor
    unattended: Tensor


@torch.no_grad()
def input_moments(
    params: Params, network: NetworkSettings, contexts: Batch
) -> tuple[dict[str, Moments], Tensor]:
    """Return the second moments of the inputs of every map behind a layer norm, and the predictions.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    contexts : tuple of Tensor
        Inputs (context, K, D) and labels (context, K).

    Returns
    -------
    moments : dict of str to Moments
        By map, as in "blocks.0.attention.key". A matrix V may be added to a map's weights without any
        change of the function if V x = 0 for all its inputs x: then the moment M has V M = 0. By map:

        - query of a head: E[c x x'], with x at the query and c = 1 - sum_k A_k^2, which is 0 where
          attention is hard and no score matters;
        - key: the covariance of x over keys under a query's attention, for scores count up to a constant
          of each query;
        - value: E[u u'] with u = sum_k A_k x_k, for x reaches values through attention alone;
        - attention.output: E[v v'] of a head's mixed values;
        - mlp.input, mlp.output, unembedding: covariances, for their biases take up what is constant.
    predictions : Tensor, shape (context, K)
    """
    tokens = tokens_of(*contexts)[..., :-1, :]
    count = tokens.shape[-2]
    visible = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
    equal = visible.to(tokens.dtype) / visible.sum(-1, keepdim=True)
    x = F.linear(tokens, params["token_embedding.weight"])
    x = x + params["position_embedding.weight"][:count]
    found: dict[str, Moments] = {}
    for layer in range(network.num_layers):
        block, stride = f"blocks.{layer}", 2 if layer == network.num_layers - 1 else 1
        normed = _normed(params, f"{block}.attention_norm", x)
        weight = params[f"{block}.attention.qkv.weight"]
        split = F.linear(normed, weight).unflatten(-1, (3, network.num_heads, -1))
        query, key, value = split.movedim(-3, 0).transpose(-2, -3).unbind(0)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        pattern = torch.softmax(scores.masked_fill(~visible, -torch.inf), dim=-1)[..., ::stride, :]
        flat = equal[::stride].expand(pattern.shape)
        mixed = pattern @ value
        here = normed[..., ::stride, :]
        for part, moment in (("query", _queries), ("key", _keys), ("value", _values)):
            found[f"{block}.attention.{part}"] = Moments(
                moment(normed, here, pattern), moment(normed, here, flat)
            )
        found[f"{block}.attention.output"] = _alone(_second(mixed.transpose(0, 1)))
        x = x[..., ::stride, :]
        stream = x + F.linear(
            mixed.transpose(-2, -3).flatten(-2), params[f"{block}.attention.output.weight"]
        )
        normed = _normed(params, f"{block}.mlp_norm", stream)
        hidden = F.relu(_linear(params, f"{block}.mlp.input", normed))
        found[f"{block}.mlp.input"] = _alone(_covariance(normed))
        found[f"{block}.mlp.output"] = _alone(_covariance(hidden))
        stream = stream + _linear(params, f"{block}.mlp.output", hidden)
        x = x + stream if network.residual == "doubled" else stream
    normed = _normed(params, "unembedding_norm", x)
    found["unembedding"] = _alone(_covariance(normed))
    return found, _linear(params, "unembedding", normed)[..., 0]


def _normed(params: Params, name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], params[f"{name}.weight"], params[f"{name}.bias"])


def _linear(params: Params, name: str, x: Tensor) -> Tensor:
    return F.linear(x, params[f"{name}.weight"], params[f"{name}.bias"])


def _alone(moment: Tensor) -> Moments:
    """Return moments in which no attention enters."""
    return Moments(moment, moment)


def _second(x: Tensor) -> Tensor:
    """Return the second moments of (head, ..., input), shape (head, input, input)."""
    rows = x.flatten(1, -2).double()
    return rows.transpose(-1, -2) @ rows / rows.shape[-2]


def _covariance(x: Tensor) -> Tensor:
    rows = x.flatten(0, -2)[None]
    return _second(rows - rows.mean(-2, keepdim=True))


def _queries(normed: Tensor, here: Tensor, pattern: Tensor) -> Tensor:
    open_share = (1 - pattern.square().sum(-1)).clamp(min=0)
    return _second((open_share.sqrt()[..., None] * here[:, None]).transpose(0, 1))


def _values(normed: Tensor, here: Tensor, pattern: Tensor) -> Tensor:
    return _second((pattern @ normed[:, None]).transpose(0, 1))


def _keys(normed: Tensor, here: Tensor, pattern: Tensor) -> Tensor:
    """Return the mean over queries of the covariance of keys under their attention."""
    received = pattern.double().mean(-2)  # (context, head, key)
    weighted = received.sqrt()[..., None] * normed.double()[:, None]
    square = _second(weighted.transpose(0, 1)) * received.shape[-1]
    return square - _values(normed, here, pattern)
