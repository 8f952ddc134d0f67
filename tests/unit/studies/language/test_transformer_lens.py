"""Conversion to TransformerLens, and its HookedTransformer as judge where it is installed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.studies.language.model import initial_parameters, logits
from stagewise.studies.language.settings import NetworkSettings
from stagewise.studies.language.transformer_lens import hooked_config, to_hooked

ROOT = Path(__file__).parents[4]
PEER = ROOT / ".peers/transformer-lens/bin/python"
KEY = StreamKey(0, ("transformer-lens",))
NETWORK = NetworkSettings(
    vocab_size=300, context_length=64, num_layers=2, num_heads=4, embed_dim=32
)


def random_parameters(network: NetworkSettings, key: StreamKey = KEY) -> dict[str, torch.Tensor]:
    generator = key.child("perturbed").generator()
    return {
        name: value + 0.3 * torch.randn(value.shape, generator=generator)
        for name, value in initial_parameters(network, key).items()
    }


def test_shapes_are_those_of_the_hooked_transformer():
    state = to_hooked(random_parameters(NETWORK), NETWORK)
    assert state["embed.W_E"].shape == (300, 32)
    assert state["unembed.W_U"].shape == (32, 300)
    assert state["blocks.1.attn.W_Q"].shape == (4, 32, 8)
    assert state["blocks.1.attn.W_O"].shape == (4, 8, 32)
    assert state["blocks.1.attn.b_V"].shape == (4, 8)


@pytest.mark.skipif(
    not PEER.exists(),
    reason="TransformerLens is not installed: see envs/transformer-lens.txt",
)
@pytest.mark.parametrize(
    ("network", "draw", "dtype", "tolerance"),
    [
        (NetworkSettings(5000, 1024, 1, 8, 256), initial_parameters, torch.float32, 1e-5),
        (NetworkSettings(5000, 1024, 2, 8, 256), initial_parameters, torch.float32, 1e-5),
        # With every parameter away from zero and one, attention is sharp and single precision loses
        # digits in both: double precision tells a difference in formula from rounding.
        (NETWORK, random_parameters, torch.float64, 1e-11),
    ],
)
def test_logits_are_those_of_transformer_lens(tmp_path, network, draw, dtype, tolerance):
    params = {name: value.to(dtype) for name, value in draw(network, KEY).items()}
    tokens = torch.randint(
        network.vocab_size, (2, network.context_length), generator=KEY.child("tokens").generator()
    )
    asked, answer = tmp_path / "asked.pt", tmp_path / "answer.pt"
    config = {**hooked_config(network), "dtype": dtype}
    torch.save({"config": config, "tokens": tokens, "state": to_hooked(params, network)}, asked)
    command = [str(PEER), "-m", "benchmarks.peer_transformer_lens", str(asked), str(answer)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    theirs = torch.load(answer)
    assert theirs["logits"].std() > 0.1
    assert (logits(params, network, tokens) - theirs["logits"]).abs().max() < tolerance
