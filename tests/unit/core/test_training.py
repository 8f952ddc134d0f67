"""Training: updates against PyTorch's, many replicas against one, and what a kill leaves behind."""

import dataclasses

import numpy as np
import pytest
import torch

from stagewise.core.descent import Descent
from stagewise.core.learning_rates import one_cycle_learning_rate
from stagewise.core.network import NetworkTraining, network_descent
from stagewise.core.replicas import ParameterLayout, stacked_losses, stacked_losses_and_gradients
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import OptimiserSettings, TrainingSettings
from stagewise.core.training import Memory, Recorder, gathered, train
from stagewise.core.updates import Update, numbers_of

SETTINGS = TrainingSettings(
    num_steps=40,
    batch_size=8,
    max_learning_rate=0.05,
    warmup_fraction=0.5,
    betas=(0.9, 0.999),
    epsilon=1e-8,
    segment_steps=10,
)
PARAMS = {"a.weight": torch.randn(3, 2, generator=StreamKey(0).generator()), "b": torch.zeros(3)}
LAYOUT = ParameterLayout.of(PARAMS)


def loss_fn(params, batch):
    (x,) = batch
    return (torch.tanh(x @ params["a.weight"].T + params["b"]) - 1).square().mean()


def batch_at(step):
    return (torch.randn(8, 2, generator=StreamKey(1, ("batch", step)).generator()),)


def one_network(batches=batch_at, settings=SETTINGS):
    descent = network_descent(loss_fn, LAYOUT, LAYOUT.flatten(PARAMS), batches, settings)
    return NetworkTraining(LAYOUT, descent, lambda params: params["b"].numpy().copy())


def replicas(count=4, groups=1, optimiser="adamw", wild=None, dtype=torch.float64):
    """Return replicas of several learning rates and decays, each with batches of its own."""
    generator = StreamKey(3).generator()
    initial = torch.randn(count, 9, generator=generator, dtype=dtype)
    rates = torch.tensor([[0.01 * (k + 1)] for k in range(count)], dtype=dtype)
    decays = torch.tensor([[0.1 * k] for k in range(count)], dtype=dtype)
    if wild is not None:
        rates[wild] = 1e200

    def gradients_of(where):
        def gradients_at(step):
            streams = [StreamKey(1, ("batch", k, step)) for k in range(count)[where]]
            x = [torch.randn(8, 2, generator=s.generator(), dtype=dtype) for s in streams]
            return stacked_losses_and_gradients(loss_fn, LAYOUT, initial[where], (torch.stack(x),))

        return gradients_at

    size = -(-count // groups)
    slices = [slice(first, first + size) for first in range(0, count, size)]
    momentum = 0.9 if optimiser == "sgd" else 0.0
    settings = OptimiserSettings(optimiser, momentum)
    parts = [(where, gradients_of(where)) for where in slices]
    return Descent(initial, parts, settings, lambda step: rates, decays)


def vectors_of(descent, step):
    return {"vectors": descent.vectors.numpy().copy()}


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


class Pages:
    """A journal that a kill leaves as it is: what `stores.journal` does, without files."""

    def __init__(self, segment_steps):
        self.segment_steps, self.pages = segment_steps, []

    def load(self):
        return self.pages[-1][:2] if self.pages else None

    def save(self, step, state, recorded):
        copied = {name: value.clone() for name, value in state.items()}
        self.pages.append((step, copied, recorded))

    def blocks(self, name):
        for *_, recorded in self.pages:
            if name in recorded:
                rows = recorded[name]
                yield np.array(list(rows)), np.stack(list(rows.values()))


def test_layout_roundtrip():
    stacked = torch.stack([LAYOUT.flatten(PARAMS)] * 3)
    back = LAYOUT.unflatten(stacked)
    assert back["a.weight"].shape == (3, 3, 2)
    assert torch.equal(LAYOUT.flatten(back), stacked)
    assert LAYOUT.num_parameters == 9


def test_stacked_replicas_agree_with_one_at_a_time():
    generator = StreamKey(2).generator()
    vectors = torch.randn(5, 9, generator=generator, dtype=torch.float64)
    batches = (torch.randn(5, 8, 2, generator=generator, dtype=torch.float64),)
    losses, gradients = stacked_losses_and_gradients(loss_fn, LAYOUT, vectors, batches)
    for replica in range(5):
        one = vectors[replica : replica + 1]
        alone = stacked_losses_and_gradients(loss_fn, LAYOUT, one, (batches[0][replica][None],))
        torch.testing.assert_close(losses[replica], alone[0][0], rtol=1e-12, atol=0)
        torch.testing.assert_close(gradients[replica], alone[1][0], rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(stacked_losses(loss_fn, LAYOUT, vectors, batches), losses)


def test_adam_and_schedule_equal_torch():
    leaves = {name: value.clone().requires_grad_() for name, value in PARAMS.items()}
    optimiser = torch.optim.Adam(leaves.values(), lr=1.0, betas=SETTINGS.betas)
    for step in range(SETTINGS.num_steps):
        optimiser.param_groups[0]["lr"] = one_cycle_learning_rate(step, 40, 0.05, 0.5)
        optimiser.zero_grad()
        loss_fn(leaves, batch_at(step)).backward()
        optimiser.step()
    training = one_network()
    train(training.descent, 40, (), Memory())
    ours = LAYOUT.unflatten(training.descent.vectors[0])
    for name, leaf in leaves.items():
        torch.testing.assert_close(ours[name], leaf.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_updates_of_replicas_equal_torch(optimiser, decay):
    generator = StreamKey(4).generator()
    rates = torch.tensor([[0.1], [0.02], [1e-3]], dtype=torch.float64)
    vectors = torch.randn(3, 5, generator=generator, dtype=torch.float64)
    update = Update(OptimiserSettings(optimiser, 0.9 if optimiser == "sgd" else 0.0))
    moments = [torch.zeros_like(vectors) for _ in update.moments]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimiser]
    own = {"momentum": 0.9} if optimiser == "sgd" else {}
    leaves = [row.clone().requires_grad_() for row in vectors]
    theirs = [
        kind([leaf], lr=rate, weight_decay=decay, **own)
        for leaf, rate in zip(leaves, rates.flatten().tolist(), strict=True)
    ]
    decays = torch.full_like(rates, decay) if decay else 0.0
    for number in range(1, 30):
        gradients = torch.randn(3, 5, generator=generator, dtype=torch.float64)
        for leaf, gradient, optim in zip(leaves, gradients, theirs, strict=True):
            leaf.grad = gradient.clone()
            optim.step()
        update(vectors, gradients, moments, number, rates, decays)
    expected = torch.stack([leaf.detach() for leaf in leaves])
    torch.testing.assert_close(vectors, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_one_number_for_all_replicas_is_the_same_number_for_each(optimiser):
    generator = StreamKey(5).generator()
    start = torch.randn(3, 1000, generator=generator)
    update = Update(OptimiserSettings(optimiser))
    ends = []
    each = [torch.full((3, 1), value, dtype=torch.float64) for value in (0.003, 0.1)]
    for rates, decays in ((0.003, 0.1), each):
        vectors, stream = start.clone(), StreamKey(6).generator()
        moments = [torch.zeros_like(vectors) for _ in update.moments]
        for number in range(1, 20):
            gradients = torch.randn(3, 1000, generator=stream)
            update(vectors, gradients, moments, number, rates, decays)
        ends.append(vectors)
    assert torch.equal(*ends)
    assert numbers_of([0.003] * 3, start) == 0.003
    assert numbers_of([0.1, 0.2, 0.1], start).tolist() == [[0.1], [0.2], [0.1]]


def test_the_schedule_changes_the_updates():
    slow = dataclasses.replace(SETTINGS, max_learning_rate=0.01)
    ends = []
    for settings in (SETTINGS, slow):
        training = one_network(settings=settings)
        train(training.descent, 40, (), Memory())
        ends.append(training.descent.vectors)
    assert not torch.allclose(*ends)


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_replicas_end_where_each_ends_alone_whatever_the_groups(optimiser):
    whole = replicas(optimiser=optimiser)
    train(whole, 12, (), Memory())
    for groups in (2, 4):
        cut = replicas(optimiser=optimiser, groups=groups)
        train(cut, 12, (), Memory())
        torch.testing.assert_close(cut.vectors, whole.vectors, rtol=1e-10, atol=1e-12)


def test_recorders_see_their_steps_and_no_others():
    training = one_network()
    journal = Memory()
    checkpoints, trajectory = training.recorders([0, 7, 40], range(0, 41, 5))
    train(training.descent, 40, (checkpoints, trajectory), journal)
    kept = dict(training.checkpoints(journal))
    assert list(kept) == [0, 7, 40]
    assert np.array_equal(kept[0]["a.weight"], PARAMS["a.weight"].numpy())
    assert np.array_equal(kept[40]["b"], training.descent.vectors[0, 6:].numpy())
    assert not np.array_equal(kept[7]["b"], kept[40]["b"])
    steps, rows = gathered(journal, "trajectory")
    assert steps.tolist() == list(range(0, 41, 5))
    assert np.array_equal(rows[-1], kept[40]["b"])


MAKERS = {
    "one network": lambda: one_network().descent,
    "replicas": replicas,
    "in groups": lambda: replicas(groups=2, optimiser="sgd"),
    "one diverged": lambda: replicas(wild=2),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
@pytest.mark.parametrize("fatal_step", [0, 5, 10, 25, 40])
def test_an_interrupted_run_ends_bit_identical(make, fatal_step):
    recorder = Recorder(range(0, 41, 5), vectors_of)
    whole, journal = make(), Pages(10)
    train(whole, 40, (recorder,), journal)

    def killing(descent, step):
        if step == fatal_step:
            raise Killed
        return vectors_of(descent, step)

    cut = Pages(10)
    with pytest.raises(Killed):
        train(make(), 40, (Recorder(recorder.steps, killing),), cut)
    assert len(cut.pages) == min(fatal_step // 10, 3)
    for expected_calls in (40 - 10 * len(cut.pages), 0):  # a finished run is not made again
        resumed, calls = make(), []
        advance = resumed.advance
        resumed.advance = lambda step, calls=calls, go=advance: calls.append(step) or go(step)
        train(resumed, 40, (recorder,), cut)
        assert len(calls) == expected_calls
        for name, value in whole.state.items():
            assert np.array_equal(value, resumed.state[name], equal_nan=name != "diverged_step")
    for left, right in zip(gathered(journal, "vectors"), gathered(cut, "vectors"), strict=True):
        assert left.tobytes() == right.tobytes()
    if make is MAKERS["one diverged"]:
        assert (whole.diverged_step >= 0).tolist() == [False, False, True, False]
        assert whole.vectors[2].isnan().all()
        assert whole.vectors[[0, 1, 3]].isfinite().all()


def test_the_segment_length_does_not_change_the_result():
    ends = []
    for length in (10, 7):
        descent, journal = replicas(), Pages(length)
        train(descent, 40, (Recorder(range(41), vectors_of),), journal)
        ends.append(gathered(journal, "vectors")[1])
    assert np.array_equal(*ends)


def test_a_loss_that_is_not_finite_names_step_and_remedy():
    def explode(step):
        return (torch.full((8, 2), torch.nan if step == 12 else 1.0),)

    training, journal = one_network(explode), Pages(10)
    with pytest.raises(FloatingPointError, match=r"nan at step 12 .* lower training.max_learning"):
        train(training.descent, 40, training.recorders([0], [0]), journal)
    assert len(journal.pages) == 1
