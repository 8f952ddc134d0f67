"""Attention patterns of the regression transformer, and what they say of each head.

Source: Hoogland et al. (2024), App. D.3.5 and D.3.6. A head is looked at twice, from the queries at x
tokens and from those at y tokens. Apart from `model`, so that looking at networks makes none of the
trained ones stale; a test holds the two together.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.regression.model import tokens_of
from stagewise.studies.regression.settings import NetworkSettings
from stagewise.studies.regression.structure_layout import SCORES


@torch.no_grad()
def attention_patterns(
    params: Params, network: NetworkSettings, inputs: Tensor, labels: Tensor
) -> Tensor:
    """Return how much every token attends to every token.

    Parameters
    ----------
    params : dict of str to Tensor
    network : NetworkSettings
    inputs : Tensor, shape (context, K, D)
    labels : Tensor, shape (context, K)

    Returns
    -------
    Tensor, shape (context, layer, head, query, key)
        Rows sum to one; tokens alternate, x_1, y_1, ..., x_K, y_K.
    """

    def normed(name: str, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], params[f"{name}.weight"], params[f"{name}.bias"])

    tokens = tokens_of(inputs, labels)
    count = tokens.shape[-2]
    visible = torch.ones(count, count, dtype=torch.bool, device=tokens.device).tril()
    x = F.linear(tokens, params["token_embedding.weight"]) + params["position_embedding.weight"]
    found = []
    for layer in range(network.num_layers):
        block = f"blocks.{layer}"
        qkv = F.linear(
            normed(f"{block}.attention_norm", x), params[f"{block}.attention.qkv.weight"]
        )
        split = qkv.unflatten(-1, (3, network.num_heads, -1)).movedim(-3, 0).transpose(-2, -3)
        query, key, value = split.unbind(0)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        pattern = torch.softmax(scores.masked_fill(~visible, -torch.inf), dim=-1)
        found.append(pattern)
        if layer == network.num_layers - 1:
            break
        mixed = (pattern @ value).transpose(-2, -3).flatten(-2)
        stream = x + F.linear(mixed, params[f"{block}.attention.output.weight"])
        hidden = F.linear(
            normed(f"{block}.mlp_norm", stream),
            params[f"{block}.mlp.input.weight"],
            params[f"{block}.mlp.input.bias"],
        )
        stream = stream + F.linear(
            F.relu(hidden), params[f"{block}.mlp.output.weight"], params[f"{block}.mlp.output.bias"]
        )
        x = x + stream if network.residual == "doubled" else stream
    return torch.stack(found, dim=1)


def normalised_entropy(patterns: Tensor) -> Tensor:
    """Return the entropy of every row over the largest possible, shape (..., query).

    The first token sees itself alone; its entropy says nothing and is NaN.
    """
    count = patterns.shape[-1]
    largest = torch.arange(1, count + 1, dtype=patterns.dtype, device=patterns.device).log()
    return torch.special.entr(patterns).sum(-1) / torch.where(largest > 0, largest, torch.nan)


def variability(patterns: Tensor) -> Tensor:
    """Return how far every context's row is from the mean row, shape (context, ..., query).

    The total variation distance, half the sum of |A - E[A]|: 0 where a row does not depend on the
    content, below 1 always.
    """
    return (patterns - patterns.mean(0)).abs().sum(-1) / 2


def head_scores(patterns: Tensor) -> Tensor:
    """Return how much heads attend to the tokens that name a kind of head.

    Parameters
    ----------
    patterns : Tensor, shape (..., query, key)

    Returns
    -------
    Tensor, shape (..., query kind, score)
        Scores of `structure_layout.SCORES` from x queries and from y queries, as means over the
        queries of pairs 2 to K, those with a token of either kind before them; without the last token,
        which gets no training signal (`scored_queries`).
    """
    position = torch.arange(patterns.shape[-1], device=patterns.device)
    back = position[:, None] - position
    on_x = (position % 2 == 0).expand_as(back)
    query_x = on_x.T
    # The x token of the pair before, or of a y token's own pair; likewise for y.
    last_x, last_y = torch.where(query_x, 2, 1), torch.where(query_x, 1, 2)
    chosen = {
        "self": back == 0,
        "previous_token": back == 1,
        "previous_x": back == last_x,
        "previous_y": back == last_y,
        "x": on_x,
        "y": ~on_x,
    }
    weights = torch.stack([chosen[name] for name in SCORES]).to(patterns.dtype)
    each = torch.einsum("...qk,sqk->...qs", patterns, weights)
    x, y = scored_queries(patterns.shape[-1])
    return torch.stack([each[..., x, :].mean(-2), each[..., y, :].mean(-2)], dim=-2)


def scored_queries(num_tokens: int) -> tuple[list[int], list[int]]:
    """Return the places of the x queries and of the y queries over which a head's means are taken."""
    return list(range(2, num_tokens - 1, 2)), list(range(3, num_tokens - 1, 2))


def label_numbers(scores: Tensor, threshold: float) -> Tensor:
    """Return which label of `structure_layout.LABELS` scores earn, shape (...,).

    The first score that reaches the threshold, in the order of `SCORES`: what is said of single tokens
    goes before what is said of all x or y tokens. The last label is that of no score.

    Parameters
    ----------
    scores : Tensor, shape (..., score)
    threshold : float
    """
    reached = F.pad((scores >= threshold).to(torch.int8), (0, 1), value=1)
    return reached.argmax(-1)
