"""Training: the optimiser against PyTorch's, and what a kill leaves behind."""

import dataclasses

import h5py
import numpy as np
import pytest
import torch

from stagewise.core.learning_rates import one_cycle_learning_rate
from stagewise.core.replicas import ParameterLayout, stacked_losses, stacked_losses_and_gradients
from stagewise.core.seeding import StreamKey
from stagewise.core.settings import TrainingSettings
from stagewise.core.training import AdamState, Recorder, adam_update, train
from stagewise.stores.files import open_store, read_checkpoint
from stagewise.stores.segments import merge_segments

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


def recorder(observe=lambda vector: vector.numpy()[:4].copy()):
    return Recorder(frozenset({0, 7, 10, 40}), frozenset(range(0, 41, 5)), observe)


def run(partial, identity="id", settings=SETTINGS, observe=None):
    recording = recorder(observe) if observe else recorder()
    initial = LAYOUT.flatten(PARAMS)
    return train(loss_fn, LAYOUT, initial, batch_at, settings, recording, partial, identity)


def final_state(segments):
    with open_store(segments[-1]) as handle:
        return {name: handle[f"state/{name}"][:] for name in handle["state"]}


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
    state = AdamState.initial(LAYOUT.flatten(PARAMS)[None])
    for step in range(SETTINGS.num_steps):
        rate = one_cycle_learning_rate(step, SETTINGS.num_steps, 0.05, 0.5)
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad()
        loss_fn(leaves, batch_at(step)).backward()
        optimiser.step()
        batches = tuple(part[None] for part in batch_at(step))
        _, gradients = stacked_losses_and_gradients(loss_fn, LAYOUT, state.vectors, batches)
        state = adam_update(state, gradients, rate, SETTINGS)
    ours = LAYOUT.unflatten(state.vectors[0])
    for name, leaf in leaves.items():
        torch.testing.assert_close(ours[name], leaf.detach(), rtol=1e-5, atol=1e-6)


def test_the_schedule_changes_the_updates(tmp_path):
    slow = dataclasses.replace(SETTINGS, max_learning_rate=0.01)
    a, b = run(tmp_path / "a"), run(tmp_path / "b", settings=slow)
    assert not np.allclose(final_state(a)["vectors"], final_state(b)["vectors"])


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("fatal_step", [0, 5, 10, 25, 40])
def test_an_interrupted_run_ends_bit_identical(tmp_path, fatal_step):
    whole = run(tmp_path / "whole")
    calls = 0

    def killing(vector):
        nonlocal calls
        if calls * 5 == fatal_step:
            raise Killed
        calls += 1
        return vector.numpy()[:4].copy()

    with pytest.raises(Killed):
        run(tmp_path / "cut", observe=killing)
    resumed = run(tmp_path / "cut")
    for left, right in zip(whole, resumed, strict=True):
        assert left.read_bytes() == right.read_bytes()


def test_the_segment_length_does_not_change_the_result(tmp_path):
    other = dataclasses.replace(SETTINGS, segment_steps=7)
    a, b = final_state(run(tmp_path / "a")), final_state(run(tmp_path / "b", settings=other))
    for name, value in a.items():
        assert np.array_equal(value, b[name])


def test_damaged_and_foreign_segments_are_done_again(tmp_path):
    segments = run(tmp_path / "p")
    before = final_state(segments)
    segments[1].write_bytes(b"not a segment")
    resumed = run(tmp_path / "p")
    assert np.array_equal(final_state(resumed)["vectors"], before["vectors"])
    stamp = segments[0].stat().st_mtime_ns
    run(tmp_path / "p", identity="other")
    assert segments[0].stat().st_mtime_ns != stamp
    with open_store(segments[0], "other"):
        pass


def test_merged_stores_hold_everything(tmp_path):
    segments = run(tmp_path / "p")
    paths = tmp_path / "checkpoints.h5", tmp_path / "trajectory.h5"
    merge_segments(segments, LAYOUT, *paths, "id", {"seed": 1, "settings": {"x": 1}})
    with h5py.File(paths[0]) as handle:
        assert handle["step"][:].tolist() == [0, 7, 10, 40]
        assert handle["parameters/a.weight"].shape == (4, 3, 2)
        assert handle["parameters/a.weight"].chunks == (1, 3, 2)
    for step in (0, 7, 10, 40):
        params = read_checkpoint(paths[0], step, "id")
        assert list(params) == ["a.weight", "b"]
    assert np.array_equal(read_checkpoint(paths[0], 0)["a.weight"], PARAMS["a.weight"].numpy())
    with h5py.File(paths[1]) as handle:
        assert handle["step"][:].tolist() == list(range(0, 41, 5))
        assert handle["outputs"].shape == (9, 4)


def test_a_loss_that_is_not_finite_names_step_and_remedy(tmp_path):
    def explode(step):
        return (torch.full((8, 2), torch.nan if step == 12 else 1.0),)

    with pytest.raises(FloatingPointError, match=r"nan at step 12 .* lower training.max_learning"):
        train(
            loss_fn, LAYOUT, LAYOUT.flatten(PARAMS), explode, SETTINGS, recorder(), tmp_path, "id"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["segment-00000.h5"]
