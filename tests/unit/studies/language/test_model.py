"""The language model is the formula it claims to be."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
import torch.nn.functional as F

from stagewise.core.replicas import ParameterLayout, sample_losses, stacked_losses_and_gradients
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.model import (
    attention_patterns,
    cross_entropy,
    initial_parameters,
    logits,
    residual_streams,
    token_losses,
    without_positions,
)
from stagewise.studies.language.settings import NetworkSettings

KEY = StreamKey(0, ("language",))
NETWORK = NetworkSettings(vocab_size=13, context_length=9, num_layers=2, num_heads=2, embed_dim=8)


def perturbed(network: NetworkSettings = NETWORK) -> dict[str, torch.Tensor]:
    """Parameters without ones and zeros, so that no part of the network can be left out unseen."""
    generator = KEY.child("perturbed").generator()
    params = initial_parameters(network, KEY)
    return {
        name: value + 0.3 * torch.randn(value.shape, generator=generator)
        for name, value in params.items()
    }


def some_tokens(rows: int = 3, network: NetworkSettings = NETWORK) -> torch.Tensor:
    shape = (rows, network.context_length)
    return torch.randint(network.vocab_size, shape, generator=KEY.child("tokens").generator())


@pytest.mark.parametrize(("num_layers", "count"), [(1, 3_091_336), (2, 3_355_016)])
def test_published_parameter_counts(num_layers, count):
    network = NetworkSettings(5000, 1024, num_layers, 8, 256)
    params = initial_parameters(network, KEY)
    assert sum(value.numel() for value in params.values()) == count


def test_published_parameter_counts_part_by_part():
    params = initial_parameters(NetworkSettings(5000, 1024, 1, 8, 256), KEY)
    sizes = {name: value.numel() for name, value in params.items()}
    assert sizes["token_embedding.weight"] == 1_280_000
    assert sizes["position_embedding.weight"] == 262_144
    assert sizes["unembedding.weight"] == 1_280_000
    assert sizes["unembedding.bias"] == 5000
    assert sizes["blocks.0.attention_norm.weight"] + sizes["blocks.0.attention_norm.bias"] == 512
    for name in ("query", "key", "value", "output"):
        assert sizes[f"blocks.0.attention.{name}.weight"] == 65_536
        assert sizes[f"blocks.0.attention.{name}.bias"] == 256


def written_out(params: dict[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Logits of one row by loops over heads and pairs of tokens."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * params[f"{name}.weight"] + params[f"{name}.bias"]

    stream = params["token_embedding.weight"][tokens]
    positions = params["position_embedding.weight"][: len(tokens)]
    for layer in range(NETWORK.num_layers):
        normed = norm(stream, f"blocks.{layer}.attention_norm")
        weight = {
            n: params[f"blocks.{layer}.attention.{n}.weight"]
            for n in ["query", "key", "value", "output"]
        }
        bias = {n: params[f"blocks.{layer}.attention.{n}.bias"] for n in weight}
        mixed = torch.zeros_like(stream)
        for head in range(NETWORK.num_heads):
            part = slice(head * NETWORK.head_dim, (head + 1) * NETWORK.head_dim)
            for i in range(len(tokens)):
                query = weight["query"][part] @ (normed[i] + positions[i]) + bias["query"][part]
                keys = [
                    weight["key"][part] @ (normed[j] + positions[j]) + bias["key"][part]
                    for j in range(i + 1)
                ]
                share = (torch.stack(keys) @ query / sqrt(NETWORK.head_dim)).softmax(0)
                values = normed[: i + 1] @ weight["value"][part].T + bias["value"][part]
                mixed[i, part] = share @ values
        stream = stream + mixed @ weight["output"].T + bias["output"]
    return (
        norm(stream, "unembedding_norm") @ params["unembedding.weight"].T
        + params["unembedding.bias"]
    )


def test_logits_are_those_of_the_formula():
    params, tokens = perturbed(), some_tokens()
    for fused in (True, False):
        found = logits(params, NETWORK, tokens, fused)
        for row in range(len(tokens)):
            torch.testing.assert_close(found[row], written_out(params, tokens[row]))


def test_no_prediction_sees_what_follows():
    params, tokens = perturbed(), some_tokens()
    changed = tokens.clone()
    changed[:, 5:] = (changed[:, 5:] + 1) % NETWORK.vocab_size
    before, after = (logits(params, NETWORK, t) for t in (tokens, changed))
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert (before[:, 5:] - after[:, 5:]).abs().amin(-1).max() > 0.01


def test_positions_reach_attention_alone():
    """With queries and keys zeroed, attention is uniform and positions change nothing."""
    params, tokens = perturbed(), some_tokens()
    other = {**params, "position_embedding.weight": params["position_embedding.weight"].flip(0)}
    assert (logits(params, NETWORK, tokens) - logits(other, NETWORK, tokens)).abs().max() > 0.01
    for name in params:
        if ".query." in name:
            params[name] = other[name] = torch.zeros_like(params[name])
    torch.testing.assert_close(logits(params, NETWORK, tokens), logits(other, NETWORK, tokens))


def test_patterns_are_those_that_the_network_uses():
    params, tokens = perturbed(), some_tokens()
    patterns = attention_patterns(params, NETWORK, tokens)
    assert patterns.shape == (2, 3, 2, 9, 9)
    torch.testing.assert_close(patterns.sum(-1), torch.ones(2, 3, 2, 9))
    assert patterns.triu(1).abs().max() == 0
    before, after, _ = residual_streams(params, NETWORK, tokens)
    norm = [params[f"blocks.0.attention_norm.{part}"] for part in ("weight", "bias")]
    normed = F.layer_norm(before, (8,), *norm)
    name = "blocks.0.attention"
    value = F.linear(normed, params[f"{name}.value.weight"], params[f"{name}.value.bias"])
    mixed = patterns[0] @ value.unflatten(-1, (2, 4)).transpose(1, 2)
    read = F.linear(
        mixed.transpose(1, 2).flatten(2),
        params[f"{name}.output.weight"],
        params[f"{name}.output.bias"],
    )
    torch.testing.assert_close(after - before, read)


def test_losses_agree():
    params, tokens = perturbed(), some_tokens()
    by_token = token_losses(params, NETWORK, tokens)
    assert by_token.shape == (3, 8)
    probabilities = logits(params, NETWORK, tokens).softmax(-1)
    torch.testing.assert_close(by_token[1, 4], -probabilities[1, 4, tokens[1, 5]].log())
    torch.testing.assert_close(by_token.mean(), cross_entropy(params, NETWORK, (tokens,)))


def test_replicas_and_samples_go_through_vmap():
    """What stacks chains and seeds must work with the network, gradients included."""

    def loss(params, batch):
        return cross_entropy(params, NETWORK, batch, fused=False)

    drawn = [initial_parameters(NETWORK, KEY.child(seed)) for seed in range(2)]
    layout = ParameterLayout.of(drawn[0])
    vectors = torch.stack([layout.flatten(params) for params in drawn])
    tokens = some_tokens(4).unflatten(0, (2, 2))
    losses, gradients = stacked_losses_and_gradients(loss, layout, vectors, (tokens,))
    for index, params in enumerate(drawn):
        leaves = {name: value.clone().requires_grad_() for name, value in params.items()}
        alone = cross_entropy(leaves, NETWORK, (tokens[index],))
        alone.backward()
        torch.testing.assert_close(losses[index], alone.detach())
        own = layout.flatten({name: leaf.grad for name, leaf in leaves.items()})
        torch.testing.assert_close(gradients[index], own, rtol=1e-4, atol=1e-6)
    each = sample_losses(loss, layout, vectors[0], (tokens[0],))
    torch.testing.assert_close(each, token_losses(drawn[0], NETWORK, tokens[0]).mean(1))


def test_ablation_removes_positions_and_nothing_else():
    params = perturbed()
    ablated = without_positions(params)
    changed = [name for name in params if not torch.equal(params[name], ablated[name])]
    assert changed == ["position_embedding.weight"]
    assert ablated["position_embedding.weight"].abs().max() == 0


def test_initial_scale():
    network = NetworkSettings(500, 64, 1, 4, 64, init_scale=1.6, position_scale=4.8)
    params = initial_parameters(network, KEY)
    for name, value in params.items():
        if value.ndim == 2:
            expected = 0.6 if name == "position_embedding.weight" else 0.2
            assert value.std().item() == pytest.approx(expected, rel=0.05), name


def test_impossible_requests():
    with pytest.raises(ValueError, match=r"num_heads \(3\) must divide embed_dim \(8\)"):
        NetworkSettings(13, 9, 2, 3, 8)
    with pytest.raises(ValueError, match="10 tokens are more than the context of 9"):
        logits(perturbed(), NETWORK, torch.zeros(1, 10, dtype=torch.int64))
