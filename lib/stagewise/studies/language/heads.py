"""What attention heads do: scores of their patterns, and how heads of two layers compose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.replicas import Params, device_of
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.model import attention_patterns
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.synthetic import LastTokens, RepeatedPrefixes


def _attention_between(
    params: Params,
    network: NetworkSettings,
    tokens: Tensor,
    query: Tensor,
    keys: Tensor,
    rows_at_a_time: int,
) -> Tensor:
    """Return the attention of one token a row to some others, shape (key, row, layer, head)."""
    chunks = zip(
        tokens.split(rows_at_a_time),
        query.split(rows_at_a_time),
        keys.split(rows_at_a_time, dim=1),
        strict=True,
    )
    found = []
    for some, queries, targets in chunks:
        patterns = attention_patterns(params, network, some.to(device_of(params)))
        rows = torch.arange(len(some))
        between = [patterns[:, rows, :, queries, place] for place in targets]
        found.append(torch.stack(between).cpu())
    # Advanced indices put the row in front: (key, row, layer, head).
    return torch.cat(found, dim=1)


def previous_token_attention(
    params: Params, network: NetworkSettings, rows: LastTokens, rows_at_a_time: int = 256
) -> Tensor:
    """Return the attention of each row's last token to the one before it.

    Its mean over rows is a head's previous-token score (Hoogland et al. 2024, App. C.3.3).

    Returns
    -------
    Tensor, shape (row, layer, head)
    """
    keys = (rows.last - 1)[None]
    return _attention_between(params, network, rows.tokens, rows.last, keys, rows_at_a_time)[0]


def prefix_matching_attention(
    params: Params, network: NetworkSettings, rows: RepeatedPrefixes, rows_at_a_time: int = 128
) -> tuple[Tensor, Tensor]:
    """Return the attention of the second A to the B that followed the first A, and to the first A.

    The mean of the first over rows is a head's prefix-matching score (Olsson et al. 2022). The text of
    Hoogland et al. 2024, App. C.3.4, can be read as the second too.

    Returns
    -------
    tuple of two Tensor, shape (row, layer, head)
    """
    keys = torch.stack([rows.first + 1, rows.first])
    after, first = _attention_between(
        params, network, rows.tokens, rows.second, keys, rows_at_a_time
    )
    return after, first


# Composition (Elhage et al. 2021)


@dataclass(frozen=True)
class Composition:
    """Composition of each head of a layer with each head of the layer before it.

    Parameters
    ----------
    query, key, value : Tensor, shape (earlier head, later head)
        ||W_R W_OV|| / (||W_R|| ||W_OV||) in Frobenius norms, with W_R = W_QK^T, W_QK and W_OV of the
        later head and W_OV of the earlier one.
    """

    query: Tensor
    key: Tensor
    value: Tensor


def _circuits(params: Params, network: NetworkSettings, layer: int) -> tuple[Tensor, Tensor]:
    """Return W_QK = W_Q^T W_K and W_OV = W_O W_V of every head, each (head, d, d)."""
    heads = (network.num_heads, network.head_dim)
    name = f"blocks.{layer}.attention"
    query, key, value = (
        params[f"{name}.{part}.weight"].double().unflatten(0, heads)
        for part in ("query", "key", "value")
    )
    output = params[f"{name}.output.weight"].double().unflatten(1, heads).transpose(0, 1)
    return query.mT @ key, output @ value


def composition_scores(later: Tensor, earlier: Tensor) -> Tensor:
    """Return ||A B|| / (||A|| ||B||) for every pair of matrices, shape (earlier, later).

    Parameters
    ----------
    later, earlier : Tensor, shape (head, d, d)
        A and B.
    """
    norms = earlier.norm(dim=(-2, -1))[:, None] * later.norm(dim=(-2, -1))
    return (later[None] @ earlier[:, None]).norm(dim=(-2, -1)) / norms


@torch.no_grad()
def composition(params: Params, network: NetworkSettings, layer: int = 0) -> Composition:
    """Return how the heads of the layer after `layer` compose with those of `layer`.

    Weights of layer norms are left out, as in the source.
    """
    _, earlier = _circuits(params, network, layer)
    query_key, output_value = _circuits(params, network, layer + 1)
    return Composition(
        composition_scores(query_key.mT, earlier),
        composition_scores(query_key, earlier),
        composition_scores(output_value, earlier),
    )


def random_composition(network: NetworkSettings, num_pairs: int, key: StreamKey) -> Tensor:
    """Return composition scores of random heads, shape (num_pairs,): what a score is compared with.

    A head is the product of two matrices with independent normal entries, of a head's own shapes, so
    its circuits have a head's rank.
    """
    generator = key.child("composition").generator()
    shape = (4, num_pairs, network.embed_dim, network.head_dim)
    left, right, other_left, other_right = torch.randn(
        *shape, generator=generator, dtype=torch.float64
    )
    later, earlier = left @ right.mT, other_left @ other_right.mT
    norms = later.norm(dim=(-2, -1)) * earlier.norm(dim=(-2, -1))
    return (later @ earlier).norm(dim=(-2, -1)) / norms
