"""SGLD as a program, run eagerly on the CPU: the reference's law, groups, and precision."""

import numpy as np
import pytest
import torch

from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.llc import along, estimate, sgld_program
from stagewise.llc.along import llc_shard
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.posterior import Posterior
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import Langevin, sample_chains

BASE = {
    **{"step_size": 1e-3, "n_beta": 20.0, "localization": 5.0, "num_chains": 4},
    **{"num_burnin": 7, "num_draws": 9, "batch_size": 16, "steps_per_draw": 2},
}
AVERAGED = BASE | {
    **{"preconditioner": "lanczos", "start": "gaussian", "integrator": "averaged"},
    **{"step_size": 0.2},
}
STREAM = StreamKey(3).generator()
INPUTS = torch.randn(64, 3, generator=STREAM)
DATA = INPUTS, INPUTS.sum(1)
CHECKPOINTS = {
    step: {"first": torch.randn(4, 3, generator=STREAM), "second": torch.randn(4, generator=STREAM)}
    for step in range(5)
}


def loss_fn(params, batch):
    inputs, labels = batch
    return (torch.tanh(inputs @ params["first"].T) @ params["second"] - labels).square().mean()


SUBJECT = Subject.of_checkpoints("toy", CHECKPOINTS, loss_fn, DATA)


@pytest.fixture
def in_blocks(monkeypatch):
    """Let the CPU run what a GPU runs, in short blocks."""
    for module in (along, estimate):
        monkeypatch.setattr(module, "runs_in_blocks", lambda device: True)
    monkeypatch.setattr(sgld_program, "MOST_STEPS", 5)


def values_of(dataset):
    names = ("loss", "baseline_loss", "burnin_loss", "displacement", "llc")
    return {name: dataset[name].values for name in names}


def assert_equal(found, expected):
    for name, values in values_of(expected).items():
        np.testing.assert_array_equal(values_of(found)[name], values, err_msg=name)


@pytest.mark.parametrize("noise", ["shared", "fresh"])
@pytest.mark.parametrize("settings", [BASE, AVERAGED])
def test_shards_and_their_order_change_nothing(in_blocks, settings, noise):
    config, how = SGLDConfig(**settings), {"noise": noise, "checkpoints_at_a_time": 3}
    whole = llc_shard(SUBJECT, [0, 1, 2, 3, 4], config, **how)
    for steps in ([3, 1], [4], [2, 0, 1, 4]):
        assert_equal(llc_shard(SUBJECT, steps, config, **how), whole.sel(step=steps))


@pytest.mark.parametrize("settings", [BASE, AVERAGED])
def test_groups_of_another_size_only_round_otherwise(in_blocks, settings):
    config = SGLDConfig(**settings)
    together = llc_shard(SUBJECT, [0, 1, 2], config, checkpoints_at_a_time=3)
    alone = llc_shard(SUBJECT, [0, 1, 2], config)
    few = llc_shard(SUBJECT, [0, 1, 2], config, chains_at_a_time=3)
    for name, values in values_of(together).items():
        np.testing.assert_allclose(values_of(alone)[name], values, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(values_of(few)[name], values, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [BASE, AVERAGED])
def test_given_the_same_numbers_it_is_the_reference(monkeypatch, settings):
    """The sampler of the CPU, with rows and noise of the program's blocks: equal but for rounding."""
    config, key = SGLDConfig(**settings), StreamKey(0, ("sgld",))
    layout = ParameterLayout.of(CHECKPOINTS[0])
    posterior = Posterior.around(CHECKPOINTS[0], loss_fn, config.n_beta, config.localization)
    kernel = Langevin.prepared(posterior, DATA, config, key)
    (found,) = sgld_program.sample_programs([kernel], DATA)

    size = sgld_program.block_steps_of(layout.num_parameters)
    draw = sgld_program._draws([kernel], len(DATA[0]), range(4))
    first = sgld_program._start([kernel], range(4))["noise"]
    drawn = iter([first, *(row for number in range(9) for row in draw(number)["noise"])])
    monkeypatch.setattr("stagewise.llc.sgld._normal", lambda streams, like: next(drawn))

    def minibatches(source, chains, batch_size, key):
        def at(step):
            rows = draw(step // size)["rows"][step % size]
            return sgld_program.Minibatch(tuple(part[rows] for part in DATA), rows)

        return at

    monkeypatch.setattr("stagewise.llc.sgld.minibatches", minibatches)
    expected = sample_chains(posterior, DATA, config, key)
    for name in ("burnin_loss", "loss", "baseline", "displacement"):
        torch.testing.assert_close(
            getattr(found, name), getattr(expected, name), rtol=1e-4, atol=1e-5
        )


def test_other_numbers_give_an_llc_within_the_errors(monkeypatch):
    config = SGLDConfig(**{**BASE, "num_chains": 8, "num_draws": 400})
    params = {"first": torch.zeros(4, 3), "second": torch.zeros(4)}
    usual = estimate_llc(loss_fn, params, DATA, config, key=0)
    monkeypatch.setattr(estimate, "runs_in_blocks", lambda device: True)
    blocks = estimate_llc(loss_fn, params, DATA, config, key=0)
    error = float(np.hypot(usual["llc_stderr"], blocks["llc_stderr"]))
    assert 0 < abs(float(usual["llc_mean"] - blocks["llc_mean"])) < 4 * error


def test_bf16_keeps_an_llc_within_its_errors():
    llcs = {}
    for precision in ("float32", "tf32", "bf16"):
        config = SGLDConfig(**AVERAGED, precision=precision)
        llcs[precision] = estimate_llc(loss_fn, CHECKPOINTS[0], DATA, config, key=0)
    full, low = llcs["float32"], llcs["bf16"]
    assert_equal(llcs["tf32"], full)  # on a CPU
    difference = abs(float(full["llc_mean"] - low["llc_mean"]))
    assert 0 < difference < float(np.hypot(full["llc_stderr"], low["llc_stderr"]))
