"""Programs, run eagerly on the CPU: blocks, kills inside of them, groups, and the reference."""

import functools

import numpy as np
import pytest
import torch

from stagewise.core import programs
from stagewise.core.descent import Descent
from stagewise.core.evaluation import evaluation
from stagewise.core.network import refuse_loss
from stagewise.core.network_program import ProgramDescent
from stagewise.core.programs import Blocks, Program
from stagewise.core.replicas import ParameterLayout, stacked_losses_and_gradients
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import OptimiserSettings, TrainingSettings
from stagewise.core.training import Memory, Recorder, gathered, train
from stagewise.stores.journal import SegmentFiles
from stagewise.studies.regression.training import network_trainings

SETTINGS = {
    "task": {"dimension": 2, "num_examples": 3, "noise_variance": 0.125, "num_tasks": 4},
    "network": {
        **{"num_layers": 1, "num_heads": 2, "embed_dim": 8, "mlp_dim": 8},
        "residual": "doubled",
    },
    "training": {
        **{"num_steps": 23, "batch_size": 4, "max_learning_rate": 0.01, "warmup_fraction": 0.5},
        **{"betas": [0.9, 0.999], "epsilon": 1e-8, "segment_steps": 6},
    },
    "trajectory": {"num_contexts": 4},
}
NAMES = ["base-s0", "base-s1", "base-s2"]


@pytest.fixture(autouse=True)
def in_blocks(monkeypatch):
    """Let the CPU run what a GPU runs, in blocks that segments cut."""
    module = "stagewise.studies.regression.training"
    monkeypatch.setattr(f"{module}.runs_in_blocks", lambda device: True)
    monkeypatch.setattr(f"{module}.BLOCK_STEPS", 4)


def trained(names, journal=None, steps=23):
    """Return each network's checkpoints, (step, parameter), after all updates."""
    trainings = network_trainings(names, SETTINGS, 0, "cpu", {})
    journal = journal or Memory()
    recorders = [r for one in trainings for r in one.recorders([0, 5, 9, 23], [0, 23])]
    train(trainings[0].descent, steps, recorders, journal)
    return [gathered(journal, one.named("checkpoint"))[1] for one in trainings]


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("last", [1, 6, 7, 13, 18])
def test_a_kill_in_the_middle_of_a_block_changes_nothing(tmp_path, monkeypatch, last):
    run, reached = Blocks.run, []

    def cut(self, start, stop):
        reached.append(stop)
        if stop > last:
            raise Killed
        return run(self, start, stop)

    monkeypatch.setattr(Blocks, "run", cut)
    with pytest.raises(Killed):
        trained(NAMES, SegmentFiles(tmp_path, "identity", 6))
    monkeypatch.setattr(Blocks, "run", run)
    assert reached
    again = trained(NAMES, SegmentFiles(tmp_path, "identity", 6))
    for found, expected in zip(again, trained(NAMES), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_network_does_not_depend_on_its_neighbours():
    together, others = trained(NAMES), trained([NAMES[1], NAMES[2], "base-s9"])
    np.testing.assert_array_equal(together[1], others[0])  # to the bit in groups of one size
    np.testing.assert_array_equal(together[2], others[1])
    (alone,) = trained(NAMES[1:2])
    np.testing.assert_allclose(alone, together[1], rtol=0, atol=1e-5)  # else but for rounding


def test_blocks_are_only_how_steps_are_drawn(monkeypatch):
    """Where batches do not depend on the block, nothing does: updates are the reference's."""
    settings = TrainingSettings(30, 8, 0.05, 0.5, (0.9, 0.999), 1e-8, 100, weight_decay=0.1)
    params = {"a": torch.randn(3, 2, generator=StreamKey(0).generator()), "b": torch.zeros(3)}
    layout = ParameterLayout.of(params)

    def loss_fn(params, batch):
        return (torch.tanh(batch[0] @ params["a"].T + params["b"]) - 1).square().mean()

    def batch_at(replica, step):
        stream = StreamKey(1, ("batch", replica, step)).generator()
        return (torch.randn(8, 2, generator=stream),)

    def block(number, count, replica):
        steps = range(number * count, (number + 1) * count)
        return (torch.stack([batch_at(replica, step)[0] for step in steps]),)

    initial = torch.stack([layout.flatten(params), 2 * layout.flatten(params)])
    ends = []
    for size in (1, 7, 64):
        batches = [functools.partial(block, replica=replica) for replica in range(2)]
        refuse = functools.partial(refuse_loss, settings)
        descent = ProgramDescent(loss_fn, layout, initial, batches, settings, size, refuse)
        train(descent, 30, [], Memory())
        ends.append(descent.vectors)
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])

    vectors = initial.clone()

    def gradients_at(step):
        batches = torch.stack([batch_at(replica, step)[0] for replica in range(2)])
        return stacked_losses_and_gradients(loss_fn, layout, vectors, (batches,))

    groups = [(slice(None), gradients_at)]
    serial = Descent(vectors, groups, OptimiserSettings("adamw"), settings.learning_rate, 0.1)
    train(serial, 30, [], Memory())
    assert torch.equal(serial.vectors, ends[0])


def test_a_loss_that_is_not_finite_is_told_with_its_step():
    def loss_fn(params, batch):
        return (params["a"] * batch[0]).sum() / (batch[0].sum() - 7)

    def block(number, count):
        return (torch.arange(number * count, (number + 1) * count)[:, None].float(),)

    settings = TrainingSettings(20, 1, 0.01, None, (0.9, 0.999), 1e-8, 100)
    layout = ParameterLayout.of({"a": torch.ones(1)})
    descent = ProgramDescent(
        loss_fn,
        layout,
        torch.ones(1, 1),
        [block],
        settings,
        5,
        functools.partial(refuse_loss, settings),
    )
    with pytest.raises(FloatingPointError, match=r"at step 7 .* lower training\.learning_rate"):
        train(descent, 20, [], Memory())


def counting(captured):
    """Return a program that counts, and its blocks."""
    state = {"count": torch.zeros(2, dtype=torch.float64)}

    def step(evaluate, rows):
        state["count"].add_(rows["more"])
        return {"seen": state["count"].clone()}

    program = Program(state, step, lambda vectors: None, 4)
    return state, Blocks(program, lambda n: {"more": torch.arange(4 * n, 4 * n + 4)}, captured)


def test_without_a_gpu_steps_run_eagerly_and_the_log_says_why(caplog):
    state, blocks = counting(captured=True)
    with caplog.at_level("INFO"):
        seen = blocks.run(0, 10)["seen"]
    assert seen[:, 0].tolist() == np.cumsum(np.arange(10)).tolist()
    assert "no GPU is visible" in caplog.text
    assert "eagerly" in caplog.text
    blocks.begin({"count": torch.ones(2, dtype=torch.float64)}, lambda n: {"more": torch.ones(4)})
    assert blocks.run(3, 6)["seen"][:, 0].tolist() == [2, 3, 4]
    assert state["count"].tolist() == [4, 4]


def test_a_replay_that_goes_elsewhere_is_not_used(monkeypatch, caplog):
    def replayed(step, kept):
        def wrong(count):
            for _ in range(2 * count):
                step()

        return wrong

    monkeypatch.setattr(programs, "replayed", replayed)
    monkeypatch.setattr(programs, "compiled", lambda evaluate: evaluate)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    _, blocks = counting(captured=True)
    assert blocks.run(1, 4)["seen"][:, 0].tolist() == [1, 3, 6]
    assert "off by" in caplog.text


def test_recorders_see_the_states_of_their_steps():
    trainings = network_trainings(NAMES[:1], SETTINGS, 0, "cpu", {})
    seen = []
    recorder = Recorder({2, 3, 11}, lambda descent, step: seen.append(step) or {})
    train(trainings[0].descent, 23, [recorder], Memory())
    assert seen == [2, 3, 11]


def test_the_evaluation_is_that_of_autograd():
    params = {"a": torch.randn(3, 2, generator=StreamKey(0).generator())}
    layout = ParameterLayout.of(params)

    def loss_fn(params, batch):
        return torch.tanh(batch[0] @ params["a"].T).square().mean()

    vectors = torch.randn(4, 6, generator=StreamKey(1).generator())
    batch = torch.randn(4, 5, 2, generator=StreamKey(2).generator())
    expected = stacked_losses_and_gradients(loss_fn, layout, vectors, (batch,))
    for serial in (False, True):
        found = evaluation(loss_fn, layout, serial)(vectors, batch)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    assert evaluation(loss_fn, layout) is evaluation(loss_fn, layout)


NETWORK = SETTINGS | {"training": SETTINGS["training"] | {"num_steps": 60, "batch_size": 32}}


def losses_in(precision):
    settings = NETWORK | {"training": NETWORK["training"] | {"precision": precision}}
    (training,) = network_trainings(NAMES[:1], settings, 0, "cpu", {})
    return torch.stack([training.descent.advance(step) for step in range(60)])[:, 0]


def test_bf16_changes_losses_by_a_percent_and_tf32_none_on_a_cpu():
    full, other, low = map(losses_in, ("float32", "tf32", "bf16"))
    assert torch.equal(full, other)
    change = (low / full - 1).abs()
    # bfloat16 has 8 bits: a product is off by up to 2^-9, a loss of many by less; training adds to it.
    assert 1e-5 < change.max() < 2e-2
    assert change.mean() < 3e-3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the compiler's own
def test_a_compiler_takes_losses_and_gradients_whole():
    """Traced without a break, and run as traced; what a compiler makes of it: `benchmarks.compiled`."""
    (training,) = network_trainings(NAMES[:1], SETTINGS, 0, "cpu", {})
    program = training.descent._program
    vectors = training.descent.vectors.expand(3, -1).clone()
    vectors += 0.1 * torch.randn(vectors.shape, generator=StreamKey(5).generator())
    contexts = torch.randn(3, 4, 3, 2, generator=StreamKey(6).generator())
    expected = program.evaluate(vectors, contexts, contexts.sum(-1))
    traced = torch.compile(program.evaluate, backend="aot_eager", fullgraph=True, dynamic=False)
    for found, value in zip(traced(vectors, contexts, contexts.sum(-1)), expected, strict=True):
        torch.testing.assert_close(found, value, rtol=1e-5, atol=1e-5 * float(value.abs().max()))
