"""A GPU gives what the CPU gives, up to the rounding of float32; skipped where there is none."""

import functools
from dataclasses import replace

import numpy as np
import pytest
import torch

from stagewise.core.devices import require_device
from stagewise.core.network import NetworkTraining, network_descent, refuse_loss
from stagewise.core.network_program import ProgramDescent
from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.core.training import Memory, train
from stagewise.llc import estimate, sgld
from stagewise.llc.along import llc_shard
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.journal import SegmentFiles
from stagewise.studies.language.bigrams import count_bigrams
from stagewise.studies.language.metrics import along_steps, evaluation_set
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import TokenRows
from stagewise.studies.regression.study import RegressionRun

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

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # of the compiler's own: as errors they would end it
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


LANGUAGE = {
    **{"vocab_size": 24, "context_length": 40},
    "network": {
        **{"num_layers": 2, "num_heads": 2, "embed_dim": 16},
        **{"init_scale": 0.8, "position_scale": 0.8},
    },
    "training": {
        **{"num_steps": 20, "batch_size": 8, "learning_rate": 0.003, "weight_decay": 0.1},
        **{"betas": [0.9, 0.98], "epsilon": 1e-8, "segment_steps": 10},
        **{"repeated_share": 0.5, "repeated_tokens": [2, 4]},
    },
}
TEXT = TokenRows(np.random.default_rng(0).integers(0, 24, 200 * 40, dtype=np.uint16), 40)


def regression_on(device):
    return RegressionRun.of("base-s0", SETTINGS, 0, device)


def language_on(device):
    return LanguageRun.of("twolayers-s0", LANGUAGE, 0, device)


def batches_of(run):
    """Return the batches of a run by step."""
    if isinstance(run, LanguageRun):
        return run.training_rows(TEXT).batch_at
    return lambda step: tuple(part.to(run.device) for part in run.training_batch(step, None))


def trained(run, folder, stop_after=None):
    """Train to the end, or once more after a kill; return the last checkpoint."""
    layout, count, batches = (
        ParameterLayout.of(run.initial()),
        run.training.num_steps,
        batches_of(run),
    )

    def batch_at(step):
        if step == stop_after:
            raise KeyboardInterrupt
        return batches(step)

    initial = layout.flatten(run.initial())
    descent = network_descent(run.loss, layout, initial, batch_at, run.training)
    training = NetworkTraining(layout, descent, lambda params: np.zeros(1))
    journal = SegmentFiles(folder, "identity", run.training.segment_steps)
    train(descent, count, training.recorders([0, count], [0]), journal)
    return dict(training.checkpoints(journal))[count]


@needs_gpu
@pytest.mark.parametrize("run_on", [regression_on, language_on])
def test_training_is_that_of_the_cpu(run_on, same_numbers, tmp_path):
    expected, found = (trained(run_on(device), tmp_path / device) for device in ("cpu", GPU))
    # Adam divides by the gradient's size, so that rounding moves a parameter with a small gradient by a
    # share of the learning rate: at most a thousandth, at each of 20 steps. (Another order of summation
    # on the CPU makes a difference of 2e-7.)
    bound = 0.001 * 0.003 * 20
    for name, value in expected.items():
        if "key.bias" in name:  # the softmax does not see it: its gradient is nothing but rounding
            continue
        np.testing.assert_allclose(found[name], value, rtol=0, atol=bound, err_msg=name)


@needs_gpu
@pytest.mark.parametrize("run_on", [regression_on, language_on])
def test_training_goes_on_after_a_kill(run_on, same_numbers, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(run_on(GPU), tmp_path / "killed", stop_after=15)
    again, expected = (
        trained(run_on(GPU), tmp_path / "killed"),
        trained(run_on(GPU), tmp_path / "whole"),
    )
    for name, value in expected.items():
        np.testing.assert_allclose(again[name], value, rtol=0, atol=1e-6, err_msg=name)


@needs_gpu
def test_measures_of_a_language_model_are_those_of_the_cpu():
    ngrams = {2: TEXT[:30, :2], 3: TEXT[:30, :3]}
    asked = {"num_synthetic": 100, "match_distance": 30, "icl_positions": (2, 20)}
    asked |= {"ablation_positions": (1, 5), "ngram_lengths": (2, 3)}
    stores = []
    for device in ("cpu", GPU):
        run = language_on(device)
        counts = count_bigrams(TEXT, 24)
        instrument = evaluation_set(
            TEXT[:], counts, ngrams, run.network, key=run.evaluation_key, **asked
        )
        stores.append(along_steps(instrument, run.network, [(0, run.initial())]))
    expected, found = stores
    for name in expected.data_vars:  # means of numbers of order 1
        np.testing.assert_allclose(
            found[name], expected[name], rtol=100 * EPSILON, atol=100 * EPSILON, err_msg=name
        )


@needs_gpu
def test_the_llc_is_that_of_the_cpu(same_numbers, monkeypatch):
    monkeypatch.setattr(estimate, "runs_in_blocks", lambda device: True)
    estimates = []
    for device in ("cpu", GPU):
        run = regression_on(device)
        params = run.initial()
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
        run = regression_on(device)
        params = run.initial()
        data = tuple(part.to(device) for part in regression_on("cpu").fixed_contexts("llc", 256))
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


# Programs


def program_of(run, captured, networks=3):
    """Return a descent of networks as a program, in blocks of seven steps."""
    layout = ParameterLayout.of(run.initial())
    initial = layout.flatten(run.initial()).expand(networks, -1).clone()
    if isinstance(run, LanguageRun):
        batches = [run.training_rows(TEXT).block]
        initial = initial[:1]
    else:
        batches = [functools.partial(run.training_block, tasks=None)] * networks
    refuse = functools.partial(refuse_loss, run.training)
    return ProgramDescent(
        *(run.loss, layout, initial, batches, run.training, 7, refuse), captured=captured
    )


@needs_gpu
@pytest.mark.parametrize("run_on", [regression_on, language_on])
def test_captured_training_is_the_eager_program(run_on, caplog):
    ends = []
    with caplog.at_level("INFO"):
        for captured in (False, True):
            descent = program_of(run_on(GPU), captured)
            train(descent, 20, [], Memory())
            ends.append(descent.vectors)
    assert "replayed as a CUDA graph, compiled" in caplog.text
    # As between the CPU and a GPU: compiled kernels sum in another order.
    assert float((ends[0] - ends[1]).abs().median()) < 0.001 * 0.003 * 20


@needs_gpu
@pytest.mark.parametrize("run_on", [regression_on, language_on])
def test_captured_training_goes_on_inside_a_block_to_the_bit(run_on):
    whole, first, second = (program_of(run_on(GPU), True) for _ in range(3))
    whole.advance_to(0, 20)
    first.advance_to(0, 10)
    second.restore({name: value.clone() for name, value in first.state.items()})
    second.advance_to(10, 20)
    assert torch.equal(whole.vectors, second.vectors)


@needs_gpu
@pytest.mark.parametrize("preconditioner", ["none", "lanczos"])
def test_captured_chains_do_not_depend_on_shards(preconditioner):
    run = regression_on(GPU)
    _, data = run.llc_target("all_positions", 256)
    params = {step: {n: v + step for n, v in run.initial().items()} for step in range(4)}
    subject = Subject.of_checkpoints("toy", params, run.loss, data)
    step_size = 0.1 if preconditioner == "lanczos" else SAMPLER.step_size
    config = replace(SAMPLER, preconditioner=preconditioner, step_size=step_size)
    whole = llc_shard(subject, [0, 1, 2, 3], config, checkpoints_at_a_time=2)
    for steps in ([3], [2, 0, 1]):
        found = llc_shard(subject, steps, config, checkpoints_at_a_time=2)
        np.testing.assert_array_equal(found["loss"], whole["loss"].sel(step=steps))


@needs_gpu
@pytest.mark.parametrize(("precision", "bound"), [("tf32", 2e-3), ("bf16", 2e-2)])
def test_precision_changes_losses_by_its_rounding_and_llcs_within_errors(precision, bound):
    losses, llcs = [], []
    for kind in ("float32", precision):
        settings = {**SETTINGS, "training": {**SETTINGS["training"], "precision": kind}}
        run = RegressionRun.of("base-s0", settings, 0, GPU)
        losses.append(program_of(run, True).advance(0))
        _, data = run.llc_target("all_positions", 256)
        config = replace(SAMPLER, num_chains=16, num_draws=200, precision=kind)
        llcs.append(estimate_llc(run.loss, run.initial(), data, config, key=0))
    assert 0 < float((losses[1] / losses[0] - 1).abs().max()) < bound
    error = float(np.hypot(*(llc["llc_stderr"] for llc in llcs)))
    assert abs(float(llcs[0]["llc_mean"] - llcs[1]["llc_mean"])) < 4 * error
