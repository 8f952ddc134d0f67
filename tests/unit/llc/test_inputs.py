"""Networks of users: each is sampled rightly, or its fault is named."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from stagewise.core.seeding import StreamKey
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.modules import module_loss
from stagewise.llc.preconditioning import curvature_samples
from stagewise.llc.settings import SGLDConfig

SHORT = SGLDConfig(1e-5, 40.0, 100.0, 2, 2, 6, 16)
SOUND = SGLDConfig(5e-4, 145.0, 1.0, 4, 100, 300, 128)
SERIAL = "chains run one after the other, for torch.func.vmap cannot stack the loss"


def least_squares(count, dimension):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, dimension, generator=generator)
    targets = inputs.sum(1) + 0.5 * torch.randn(count, generator=generator)
    centre = torch.linalg.lstsq(inputs, targets[:, None]).solution[:, 0]
    return squares, {"w": centre}, (inputs, targets)


def squares(params, batch):
    return (batch[0] @ params["w"] - batch[1]).square().mean()


def sequences():
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(64, 6, 16, generator=generator),
        torch.randint(5, (64,), generator=generator),
    )


def seeded(kind, *sizes, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return kind(*sizes, **options)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.project, self.out = nn.Linear(16, 48), nn.Linear(16, 5)

    def forward(self, x):
        query, key, value = self.project(x).unflatten(-1, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.out(mixed.transpose(1, 2).flatten(2).mean(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.layers, self.out = nn.TransformerEncoder(layer, 1), nn.Linear(16, 5)

    def forward(self, x):
        return self.out(self.layers(x).mean(1))


class Recurrent(nn.Module):
    def __init__(self, kind=nn.LSTM):
        super().__init__()
        self.cell, self.out = kind(16, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Linear(16, 4), nn.Linear(5, 5)

    def forward(self, x):
        hidden = torch.zeros(len(x), 5)
        hidden[:, :4] = self.first(x.mean(1))
        return self.out(hidden) if hidden.abs().max().item() < 1e3 else self.out(hidden / 10)


class Padded(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.out = nn.Embedding(6, 2, padding_idx=0), nn.Linear(2, 1)

    def forward(self, tokens):
        return self.out(self.embed(tokens).mean(1))


HESSIAN = dataclasses.replace(SHORT, preconditioner="hessian", start="gaussian", step_size=0.05)


@pytest.mark.parametrize("config", [SHORT, HESSIAN], ids=["plain", "curvature"])
@pytest.mark.parametrize("kind", [Attention, Encoder])
def test_attention_is_stacked(kind, config):
    loss_fn, params = module_loss(seeded(kind), nn.CrossEntropyLoss())
    result = estimate_llc(loss_fn, params, sequences(), config, key=0)
    assert np.isfinite(result.llc_mean)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    "module", [Recurrent, lambda: Recurrent(nn.GRU), Branching], ids=["lstm", "gru", "branching"]
)
def test_what_cannot_be_stacked_runs_serially_and_says_so(module):
    loss_fn, params = module_loss(seeded(module), nn.CrossEntropyLoss())
    with pytest.warns(UserWarning, match=SERIAL):
        result = estimate_llc(loss_fn, params, sequences(), SHORT, key=0)
    assert np.isfinite(result.llc_mean)
    assert result.attrs["notes"].startswith(SERIAL)


def test_serial_chains_are_the_stacked_ones():
    loss_fn, params, data = least_squares(100, 3)

    def stubborn(values, batch):
        assert float(values["w"].detach().sum()) < 1e9
        return loss_fn(values, batch)

    stacked = estimate_llc(loss_fn, params, data, SHORT, key=0)
    with pytest.warns(UserWarning, match=SERIAL):
        serial = estimate_llc(stubborn, params, data, SHORT, key=0)
    np.testing.assert_allclose(serial.llc, stacked.llc, rtol=1e-3, atol=1e-4)


def test_a_layer_with_a_gradient_of_its_own_is_refused():
    tokens = torch.randint(6, (64, 5), generator=torch.Generator().manual_seed(0))
    loss_fn, params = module_loss(seeded(Padded), nn.MSELoss())
    with pytest.raises(ValueError, match="a layer sets its own gradient"):
        estimate_llc(loss_fn, params, (tokens, torch.ones(64, 1)), SHORT, key=0)


def test_a_detached_gradient_is_noted():
    def detached(params, batch):
        return (batch[0] @ (params["w"] * params["w"].detach()) - batch[1]).square().mean()

    _, params, data = least_squares(100, 3)
    with pytest.warns(UserWarning, match="slopes of the loss differ from its gradient"):
        estimate_llc(detached, params, data, SHORT, key=0)


def test_low_precision_is_sampled_in_float32():
    loss_fn, params, (inputs, targets) = least_squares(500, 10)
    halves = {"w": params["w"].bfloat16()}
    with pytest.warns(UserWarning, match=r"parameters are torch.bfloat16: sampled in float32"):
        result = estimate_llc(
            loss_fn, halves, (inputs.bfloat16(), targets.bfloat16()), SOUND, key=0
        )
    assert float(result.llc_mean) == pytest.approx(5.0, abs=1.0)


def test_double_precision_keeps_a_large_loss():
    """A loss of 30 and a quadratic at n_beta 1e7: exact is 3."""

    def lifted(params, batch):
        return 30 + 0.5 * params["w"].square().sum() + 0 * batch[0].sum()

    config = SGLDConfig(4e-8, 1e7, 1.0, 4, 100, 400, 4)
    data = (torch.zeros(16, 1, dtype=torch.float64),)
    params = {"w": torch.zeros(6, dtype=torch.float64)}
    result = estimate_llc(lifted, params, data, config, key=0)
    assert float(result.llc_mean) == pytest.approx(3 / 0.9, abs=4 * float(result.llc_stderr))
    with pytest.warns(UserWarning, match="known to 36, by rounding: give parameters and data"):
        estimate_llc(lifted, {"w": torch.zeros(6)}, (torch.zeros(16, 1),), config, key=0)


def test_coupled_samples_are_noted():
    def broadcast(params, batch):
        return ((batch[0] @ params["w"])[:, None] - batch[1]).square().mean()

    _, params, data = least_squares(100, 3)
    with pytest.warns(UserWarning, match=r"couples samples: .* targets of shape \(n,\)"):
        estimate_llc(broadcast, params, data, SHORT, key=0)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_the_callers_mode_does_not_matter(mode):
    with mode():
        result = estimate_llc(*least_squares(100, 3), SHORT, key=0)
    assert np.isfinite(result.llc_mean)


def test_curvature_is_measured_on_samples_of_all_the_data():
    (rows,) = curvature_samples((torch.arange(10_000),), StreamKey(0))
    assert len(rows) == len(set(rows.tolist())) == 128
    assert rows.min() < 500
    assert rows.max() > 9500


def test_a_result_goes_to_a_file(tmp_path):
    estimate_llc(*least_squares(100, 3), SHORT, key=0).to_netcdf(tmp_path / "llc.nc")


def test_some_parameters_or_entries_alone():
    loss_fn, params, data = least_squares(1000, 4)
    half = {"w": torch.tensor([True, False, True, False])}
    result = estimate_llc(loss_fn, params, data, SOUND, key=0, only=half)
    assert float(result.llc_mean) == pytest.approx(1.0, abs=0.2)
    one = {"w": torch.tensor([True, False, False, False])}
    lanczos = dataclasses.replace(SOUND, preconditioner="lanczos", start="gaussian", step_size=0.2)
    result = estimate_llc(loss_fn, params, data, lanczos, key=0, only=one)
    assert float(result.llc_mean) == pytest.approx(0.5, abs=0.15)
    with pytest.raises(ValueError, match=r"only names \['v'\], but parameters are \['w'\]"):
        estimate_llc(loss_fn, params, data, SOUND, key=0, only=["v"])
