"""A GPU gives what the CPU gives, up to the rounding of float32; skipped where there is none."""

import numpy as np
import pytest
import torch

from lib import sgld
from lib.llc import estimate_llc
from lib.network_run import require_device
from lib.regression.study import RegressionRun
from lib.replicas import ParameterLayout
from lib.seeding import StreamKey
from lib.segments import merge_segments
from lib.sgld import SGLDConfig
from lib.store import read_checkpoint
from lib.training import Recorder, train

GPU = "cuda"
EPSILON = float(torch.finfo(torch.float32).eps)
SETTINGS = {
    "task": {"dimension": 4, "num_examples": 8, "noise_variance": 0.125, "num_tasks": None},
    "network": {
        **{"num_layers": 2, "num_heads": 2, "embed_dim": 16, "mlp_dim": 16},
        "residual": "doubled",
    },
    "training": {
        **{"num_steps": 20, "batch_size": 32, "max_learning_rate": 0.003, "warmup_fraction": 0.5},
        **{"betas": [0.9, 0.999], "epsilon": 1e-8, "segment_steps": 10},
    },
}
SAMPLER = SGLDConfig(
    **{"step_size": 1e-4, "n_beta": 50.0, "localization": 100.0, "num_chains": 4},
    **{"num_burnin": 5, "num_draws": 20, "batch_size": 32},
)

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is visible")


@pytest.fixture
def same_numbers(monkeypatch):
    """Let a GPU take the CPU's random numbers; its own streams hold others."""

    def generator(self, device="cpu"):
        return torch.Generator().manual_seed(self.seed)

    def normal(streams, like):
        drawn = [torch.randn(like.shape, generator=stream) for stream in streams]
        return torch.stack(drawn).to(like.device)

    monkeypatch.setattr(StreamKey, "generator", generator)
    monkeypatch.setattr(sgld, "_normal", normal)


def network_on(device):
    """Return a run on a device and its first parameters."""
    run = RegressionRun.of("base-s0", SETTINGS, 0, device)
    return run, run.initial()


def trained(device, folder, stop_after=None):
    """Train on a device, to the end or once more after a kill; return the last checkpoint."""
    run, params = network_on(device)
    layout = ParameterLayout.of(params)
    count = run.training.num_steps
    ends = frozenset({0, count})
    recorder = Recorder(ends, ends, lambda vector: vector[:4].numpy(force=True))

    def batch_at(step):
        if step == stop_after:
            raise KeyboardInterrupt
        return tuple(part.to(device) for part in run.training_batch(step, None))

    arguments = (run.training, recorder, folder, "identity")
    segments = train(run.loss, layout, layout.flatten(params), batch_at, *arguments)
    store = folder / "checkpoints.h5"
    merge_segments(segments, layout, store, folder / "trajectory.h5", "identity", {})
    return read_checkpoint(str(store), count, "identity")


@needs_gpu
def test_training_is_that_of_the_cpu(same_numbers, tmp_path):
    expected, found = (trained(device, tmp_path / device) for device in ("cpu", GPU))
    # Adam divides by the gradient's size, so that rounding moves a parameter with a small gradient by a
    # share of the learning rate: at most a thousandth, at each of 20 steps. (Another order of summation
    # on the CPU makes a difference of 2e-7.)
    bound = 0.001 * SETTINGS["training"]["max_learning_rate"] * 20
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=bound, err_msg=name)


@needs_gpu
def test_training_goes_on_after_a_kill(same_numbers, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(GPU, tmp_path / "killed", stop_after=15)
    again, expected = trained(GPU, tmp_path / "killed"), trained(GPU, tmp_path / "whole")
    for name, value in expected.items():
        np.testing.assert_allclose(again[name], value, rtol=0, atol=1e-6, err_msg=name)


@needs_gpu
def test_the_llc_is_that_of_the_cpu(same_numbers):
    estimates = []
    for device in ("cpu", GPU):
        run, params = network_on(device)
        data = tuple(part.to(device) for part in run.fixed_contexts("llc-samples", 256))
        estimates.append(estimate_llc(run.loss, params, data, SAMPLER, key=0))
    expected, found = estimates
    loss = float(expected["init_loss"])
    assert float(found["init_loss"]) == pytest.approx(loss, rel=10 * EPSILON)
    # Losses agree to ten roundings, and the LLC is n_beta times a difference of two. (Another order of
    # summation on the CPU makes a difference of 4e-6; TF32 rounds 4000 times more coarsely.)
    bound = SAMPLER.n_beta * 10 * EPSILON * loss
    np.testing.assert_allclose(found["llc"], expected["llc"], rtol=0, atol=bound)
    assert found.attrs["verdict"] == expected.attrs["verdict"]


@needs_gpu
def test_streams_of_the_gpu_give_an_llc_within_the_errors_of_the_cpu():
    """Other random numbers: estimates agree within four standard errors of their difference."""
    estimates = []
    for device in ("cpu", GPU):
        run, params = network_on(device)
        data = tuple(part.to(device) for part in network_on("cpu")[0].fixed_contexts("llc", 256))
        config = SGLDConfig(**{**vars(SAMPLER), "num_chains": 16, "num_draws": 200})
        estimates.append(estimate_llc(run.loss, params, data, config, key=0))
    expected, found = estimates
    error = float(np.hypot(expected["llc_stderr"], found["llc_stderr"]))
    assert abs(float(found["llc_mean"]) - float(expected["llc_mean"])) < 4 * error


def test_a_gpu_multiplies_in_full_float32(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        require_device("cuda")
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)


def test_without_a_gpu_the_key_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="set device: cpu in the config"):
        require_device("cuda")
