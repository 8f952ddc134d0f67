"""Networks are the formulas they claim to be, and their options do what they say."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from stagewise.core.seeding import StreamKey
from stagewise.studies.modular import transformer
from stagewise.studies.modular.model import (
    cross_entropy,
    frozen_names,
    initial_parameters,
    logits,
    mean_squared_error,
)
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings, TransformerSettings
from stagewise.studies.modular.stacked import stacked_logits
from stagewise.studies.modular.task import pairs_of, split

KEY = StreamKey(2, ("modular",))
TASK = TaskSettings(7, 0.7)
NETWORK = NetworkSettings(4, 6)
NETWORKS = [
    NETWORK,
    replace(NETWORK, activation="relu"),
    replace(NETWORK, activation="quadratic"),
    replace(NETWORK, tied_sides=True),
    replace(NETWORK, tied_unembedding=True),
    TransformerSettings(8, 2, 12),
]


def test_activations_differ_as_named():
    params, pairs = initial_parameters(NETWORK, TASK, KEY), pairs_of(TASK)
    kinds = {"gelu": nn.GELU(), "relu": nn.ReLU(), "quadratic": lambda x: x**2}
    for name, function in kinds.items():
        left, right = params["embedding"][pairs].unbind(1)
        hidden = left @ params["left.weight"].T + params["left.bias"]
        hidden = hidden + right @ params["right.weight"].T + params["right.bias"]
        expected = function(hidden) @ params["unembedding.weight"].T
        found = logits(params, replace(NETWORK, activation=name), pairs)
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("network", NETWORKS)
def test_stacked_networks_are_networks_stacked(network):
    own = transformer if isinstance(network, TransformerSettings) else None
    draw = own.initial_parameters if own else initial_parameters
    single = own.logits if own else logits
    drawn = [draw(network, TASK, KEY.child(seed)) for seed in range(3)]
    stacked = {name: torch.stack([params[name] for params in drawn]) for name in drawn[0]}
    pairs = torch.stack([split(TASK, KEY.child(seed))[0][0] for seed in range(3)])
    found = stacked_logits(stacked, network, *pairs.unbind(-1))
    for index, params in enumerate(drawn):
        torch.testing.assert_close(found[index], single(params, network, pairs[index]))


def test_scales_multiply_what_they_name():
    plain = initial_parameters(NETWORK, TASK, KEY)
    scaled = initial_parameters(replace(NETWORK, scale_embedding=3.0, scale_weights=0.5), TASK, KEY)
    for name, value in plain.items():
        torch.testing.assert_close(scaled[name], (3.0 if name == "embedding" else 0.5) * value)
    wide = initial_parameters(NetworkSettings(64, 256), TaskSettings(97, 0.5), KEY)
    assert wide["embedding"].std().item() == pytest.approx(1, rel=0.05)
    assert wide["left.weight"].abs().max().item() == pytest.approx(1 / 8, rel=0.01)
    assert wide["unembedding.weight"].abs().max().item() == pytest.approx(1 / 16, rel=0.01)


def test_frozen_names_are_those_of_the_sides():
    params = initial_parameters(NETWORK, TASK, KEY)
    assert not frozen_names(NETWORK, params)
    sides = {f"{side}.{kind}" for side in ("left", "right") for kind in ("weight", "bias")}
    assert frozen_names(replace(NETWORK, freeze_sides=True), params) == sides


def test_mean_squared_error_is_the_mean_distance_to_unit_vectors():
    params, (pairs, labels) = initial_parameters(NETWORK, TASK, KEY), split(TASK, KEY)[0]
    outputs = logits(params, NETWORK, pairs)
    expected = (outputs - torch.eye(7)[labels]).square().sum() / outputs.numel()
    torch.testing.assert_close(mean_squared_error(params, NETWORK, (pairs, labels)), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embed_dim": 1}, "embed_dim must be an integer of at least 2, not 1"),
        ({"hidden_dim": 0}, "hidden_dim must be an integer of at least 1"),
        ({"activation": "tanh"}, "activation must be one of gelu, relu, quadratic, not 'tanh'"),
        ({"scale_embedding": 0.0}, "scale_embedding must be a number above 0"),
        ({"scale_weights": float("nan")}, "scale_weights must be a number above 0"),
    ],
)
def test_a_network_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(NETWORK, **change)


def attention_in_full(
    params: dict[str, torch.Tensor], network: TransformerSettings, pairs: torch.Tensor
) -> torch.Tensor:
    """Return the logits at every token, with all queries made and a causal mask."""
    p = len(params["unembedding.weight"])
    tokens = torch.cat([pairs, torch.full((len(pairs), 1), p)], dim=1)
    stream = params["embedding"][tokens] + params["positions"]
    heads = (network.num_heads, network.embed_dim // network.num_heads)
    query, key, value = (
        F.linear(stream, params[f"{name}.weight"]).unflatten(-1, heads).transpose(1, 2)
        for name in ("query", "key", "value")
    )
    scores = query @ key.mT / sqrt(heads[1])
    scores = scores.masked_fill(torch.ones(3, 3).triu(1).bool(), -torch.inf)
    mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
    stream = stream + F.linear(mixed, params["mix.weight"])
    hidden = F.relu(F.linear(stream, params["mlp_in.weight"], params["mlp_in.bias"]))
    stream = stream + F.linear(hidden, params["mlp_out.weight"], params["mlp_out.bias"])
    return F.linear(stream, params["unembedding.weight"])


def test_transformer_is_the_full_one_read_at_the_last_token():
    network = TransformerSettings(embed_dim=8, num_heads=2, hidden_dim=12)
    params = transformer.initial_parameters(network, TASK, KEY)
    generator = KEY.child("biases").generator()
    for name in ("mlp_in.bias", "mlp_out.bias"):
        params[name] = torch.randn(params[name].shape, generator=generator)
    found = transformer.logits(params, network, pairs_of(TASK))
    torch.testing.assert_close(found, attention_in_full(params, network, pairs_of(TASK))[:, -1])


def test_transformer_has_the_published_shapes():
    network, task = TransformerSettings(), TaskSettings(113, 0.3)
    params = transformer.initial_parameters(network, task, KEY)
    shapes = {name: tuple(value.shape) for name, value in params.items()}
    assert shapes["embedding"] == (114, 128)
    assert shapes["mlp_in.weight"] == (512, 128)
    assert shapes["unembedding.weight"] == (113, 128)
    assert transformer.logits(params, network, pairs_of(task)[:5]).shape == (5, 113)
    assert params["query.weight"].std().item() == pytest.approx(1 / sqrt(128), rel=0.05)
    with pytest.raises(ValueError, match=r"num_heads \(3\) must divide embed_dim \(128\)"):
        TransformerSettings(num_heads=3)


def test_losses_are_means_over_pairs():
    params, data = initial_parameters(NETWORK, TASK, KEY), split(TASK, KEY)[0]
    for loss in (cross_entropy, mean_squared_error):
        one_by_one = [
            loss(params, NETWORK, (data[0][i : i + 1], data[1][i : i + 1])) for i in range(9)
        ]
        together = loss(params, NETWORK, (data[0][:9], data[1][:9]))
        torch.testing.assert_close(together, torch.stack(one_by_one).mean())
