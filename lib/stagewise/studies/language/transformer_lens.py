"""Parameters as those of TransformerLens' HookedTransformer, whose names and shapes others use.

TransformerLens itself is not needed. `hooked_config` gives the arguments of the configuration under
which a HookedTransformer computes the same function.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.studies.language.model import PROJECTIONS
from stagewise.studies.language.settings import NetworkSettings

_PLAIN = {
    "token_embedding.weight": "embed.W_E",
    "position_embedding.weight": "pos_embed.W_pos",
    "unembedding_norm.weight": "ln_final.w",
    "unembedding_norm.bias": "ln_final.b",
    "unembedding.bias": "unembed.b_U",
}


def hooked_config(network: NetworkSettings) -> dict[str, Any]:
    """Return the arguments of HookedTransformerConfig for a network."""
    return {
        "n_layers": network.num_layers,
        "d_model": network.embed_dim,
        "n_ctx": network.context_length,
        "d_head": network.head_dim,
        "n_heads": network.num_heads,
        "d_vocab": network.vocab_size,
        "attn_only": True,
        "positional_embedding_type": "shortformer",
        "normalization_type": "LN",
        "eps": 1e-5,
    }


def to_hooked(params: Params, network: NetworkSettings) -> dict[str, Tensor]:
    """Return parameters as a HookedTransformer's state dict, without its constant buffers.

    Load it with ``strict=False``: the causal masks are not among the parameters.
    """
    state = {theirs: params[ours] for ours, theirs in _PLAIN.items()}
    state["unembed.W_U"] = params["unembedding.weight"].T
    for layer in range(network.num_layers):
        block = f"blocks.{layer}"
        state[f"{block}.ln1.w"] = params[f"{block}.attention_norm.weight"]
        state[f"{block}.ln1.b"] = params[f"{block}.attention_norm.bias"]
        for name in PROJECTIONS:
            letter = name[0].upper()
            weight = params[f"{block}.attention.{name}.weight"]
            bias = params[f"{block}.attention.{name}.bias"]
            heads = (network.num_heads, network.head_dim)
            if name == "output":
                state[f"{block}.attn.W_O"] = weight.T.unflatten(0, heads)
                state[f"{block}.attn.b_O"] = bias
            else:
                state[f"{block}.attn.W_{letter}"] = weight.unflatten(0, heads).transpose(1, 2)
                state[f"{block}.attn.b_{letter}"] = bias.unflatten(0, heads)
    return {name: value.contiguous() for name, value in state.items()}
