"""Parameters to and from TransformerLens' HookedTransformer, whose names and shapes others use.

TransformerLens itself is not needed. `hooked_config` gives the arguments of the configuration under
which a HookedTransformer computes the same function.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.model import PROJECTIONS, initial_parameters
from stagewise.studies.language.settings import NetworkSettings

_PLAIN = {
    "token_embedding.weight": "embed.W_E",
    "position_embedding.weight": "pos_embed.W_pos",
    "unembedding_norm.weight": "ln_final.w",
    "unembedding_norm.bias": "ln_final.b",
    "unembedding.bias": "unembed.b_U",
}
_BUFFERS = ("attn.mask", "attn.IGNORE")


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


def from_hooked(state: Mapping[str, Tensor], network: NetworkSettings) -> Params:
    """Return a HookedTransformer's state dict as parameters of a network.

    Raises
    ------
    ValueError
        If the state belongs to another architecture; names the first parameter that does not fit.
    """
    ours = initial_parameters(network, StreamKey(0))
    expected = {name: value.shape for name, value in to_hooked(ours, network).items()}
    found = {name: value.shape for name, value in state.items() if not name.endswith(_BUFFERS)}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise ValueError(
                f"{name} of the HookedTransformer is {_shape(found.get(name))}, but the network has "
                f"{_shape(expected.get(name))}: give the settings that it was trained with"
            )
    params = {mine: state[theirs] for mine, theirs in _PLAIN.items()}
    params["unembedding.weight"] = state["unembed.W_U"].T
    for layer in range(network.num_layers):
        block = f"blocks.{layer}"
        params[f"{block}.attention_norm.weight"] = state[f"{block}.ln1.w"]
        params[f"{block}.attention_norm.bias"] = state[f"{block}.ln1.b"]
        for name in PROJECTIONS:
            weight = state[f"{block}.attn.W_{name[0].upper()}"]
            bias = state[f"{block}.attn.b_{name[0].upper()}"]
            own = weight.flatten(0, 1).T if name == "output" else weight.mT.flatten(0, 1)
            params[f"{block}.attention.{name}.weight"] = own
            params[f"{block}.attention.{name}.bias"] = bias.flatten()
    return {name: params[name].contiguous() for name in ours}


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else f"of shape {tuple(shape)}"
