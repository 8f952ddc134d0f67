"""Losses agree with explicit tensors, batches with serial runs, descent with its flow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stagewise.core.seeding import StreamKey
from stagewise.studies.scurves.alignment import captured_share, cosines, largest_angle
from stagewise.studies.scurves.descent import descend
from stagewise.studies.scurves.experiment import DivergedError, run_setting
from stagewise.studies.scurves.flow import gradient_flow, squared_errors, velocity
from stagewise.studies.scurves.layout import CURVES, FLOW
from stagewise.studies.scurves.overlay import flow_of_setting
from stagewise.studies.scurves.settings import Setting
from stagewise.studies.scurves.tasks import draw_vectors, loss_function
from tests.layouts import assert_keeps

KEY = StreamKey(3, ("scurves",))
ADAM = {"betas": [0.9, 0.999], "epsilon": 1e-8}
STUDY = {
    "records": {"num_linear": 6, "num_logarithmic": 5},
    "adam": ADAM,
    "divergence_factor": 100.0,
    "seeds_per_batch": 3,
}
MATRIX = Setting(
    name="matrix",
    task="product",
    dimension=6,
    rank=2,
    num_components=2,
    optimiser="sgd",
    learning_rates=(0.05, 0.1),
    weight_decays=(0.0,),
    logit_scale=None,
    num_steps=20,
    num_seeds=4,
    precision="double",
)


def explicit(setting: Setting, vectors: torch.Tensor) -> torch.Tensor:
    """Return the tensor of one replica, vectors (component, rank, dimension), in full."""
    if setting.task == "attention":
        q, k, o, v = (part.T for part in vectors)
        return torch.einsum("ij,kl->ijkl", q @ k.T, o @ v.T)
    total = 0
    for term in vectors.unbind(1):
        product = term[0]
        for vector in term[1:]:
            product = product[..., None] * vector
        total = total + product
    return total


CASES = {
    "vector": replace(MATRIX, num_components=1, rank=1),
    "rank 2": MATRIX,
    "full rank": replace(MATRIX, rank=6),
    "three components": replace(MATRIX, num_components=3, rank=1),
    "five components": replace(MATRIX, num_components=5, rank=1),
    "attention head": replace(MATRIX, task="attention", num_components=4),
}


@pytest.mark.parametrize("setting", CASES.values(), ids=CASES)
def test_squared_error_is_that_of_the_explicit_tensor(setting):
    targets, vectors = draw_vectors(setting, KEY, range(3))
    losses = loss_function(setting, targets)(vectors)
    for loss, target, vector in zip(losses, targets, vectors, strict=True):
        difference = explicit(setting, target) - explicit(setting, vector)
        assert loss.item() == pytest.approx(0.5 * difference.square().sum().item(), rel=1e-12)
    np.testing.assert_allclose(loss_function(setting, targets)(targets), 0, atol=1e-12)


def test_loss_without_self_term_is_minus_the_inner_product():
    setting = replace(MATRIX, task="no_self_term")
    targets, vectors = draw_vectors(setting, KEY, range(3))
    expected = [
        -(explicit(setting, t) * explicit(setting, v)).sum().item()
        for t, v in zip(targets, vectors, strict=True)
    ]
    np.testing.assert_allclose(loss_function(setting, targets)(vectors), expected)


def test_without_self_term_the_initialisation_stays():
    """The gradient has no part orthogonal to the truth: a theorem, which claim S17 builds on."""
    setting = replace(MATRIX, task="no_self_term", rank=1)
    targets, vectors = draw_vectors(setting, KEY, range(3))
    vectors.requires_grad_()
    loss_function(setting, targets)(vectors).sum().backward()
    along = torch.nn.functional.cosine_similarity(vectors.grad, targets, dim=-1).abs()
    np.testing.assert_allclose(along, 1)


def test_weight_decay_leaves_a_loss():
    """The least of loss and decay has a loss above zero: a theorem, so that claim S14 leaves it out."""
    setting = replace(
        MATRIX, rank=1, weight_decays=(0.05,), learning_rates=(0.05,), num_steps=2000, num_seeds=2
    )
    final = run_setting(setting, STUDY, KEY.root)["loss"].isel(step=-1)
    assert (final > 1e-6).all()


def test_cross_entropy_is_offset_by_the_entropy_and_keeps_to_log_space():
    setting = replace(MATRIX, task="cross_entropy", logit_scale=3.0)
    targets, vectors = draw_vectors(setting, KEY, range(3))
    losses = loss_function(setting, targets)
    for loss, target, vector in zip(losses(vectors), targets, vectors, strict=True):
        truth = torch.softmax(3.0 * explicit(setting, target).flatten(), 0)
        learned = torch.softmax(3.0 * explicit(setting, vector).flatten(), 0)
        entropy = -(truth * truth.log()).sum()
        assert loss.item() == pytest.approx((-(truth * learned.log()).sum() - entropy).item())
    np.testing.assert_allclose(losses(targets), 0, atol=1e-14)
    assert torch.isfinite(losses(1e3 * vectors)).all()


def test_vectors_depend_on_seed_and_shape_alone():
    one, start = draw_vectors(MATRIX, KEY, [5])
    other = replace(MATRIX, optimiser="adam", task="cross_entropy", logit_scale=1.0)
    many, starts = draw_vectors(other, KEY, range(6))
    assert torch.equal(one[0], many[5])
    assert torch.equal(start[0], starts[5])
    halved = draw_vectors(replace(MATRIX, init_scale=0.5), KEY, [5])[1]
    assert torch.equal(halved, 0.5 * start)


def serial(setting: Setting, seed: int, rate: float, decay: float) -> list[float]:
    """Return the losses of one run, with the optimiser of torch and the explicit tensor."""
    targets, initial = (vectors[0] for vectors in draw_vectors(setting, KEY, [seed]))
    leaf = initial.clone().requires_grad_()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    updates = kinds[setting.optimiser]([leaf], lr=rate, weight_decay=decay)
    losses = []
    for _ in range(setting.num_steps + 1):
        loss = 0.5 * (explicit(setting, targets) - explicit(setting, leaf)).square().sum()
        losses.append(loss.item())
        updates.zero_grad()
        loss.backward()
        updates.step()
    return losses


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_batched_runs_agree_with_serial_ones(optimiser):
    decays = (0.0,) if optimiser == "adam" else (0.0, 0.1)
    setting = replace(MATRIX, optimiser=optimiser, weight_decays=decays)
    targets, initial = draw_vectors(setting, KEY, range(3))
    recorded = []
    descend(
        loss_function(setting, targets.repeat(len(setting.cases), 1, 1, 1)),
        initial,
        setting.cases,
        optimiser,
        ADAM,
        range(setting.num_steps + 1),
        lambda _, losses: recorded.append(losses.numpy()),
    )
    losses = np.stack(recorded, axis=-1)
    for case, (rate, decay) in enumerate(setting.cases):
        for seed in range(3):
            np.testing.assert_allclose(losses[case, seed], serial(setting, seed, rate, decay))


@pytest.mark.parametrize("name", ["vector", "rank 2", "three components", "attention head"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_descent_in_the_span_is_that_in_all_dimensions(name, decay):
    setting = replace(CASES[name], weight_decays=(decay,))
    assert setting.stays_in_span
    targets, initial = draw_vectors(setting, KEY, range(setting.num_seeds))
    recorded = []

    def observe(vectors: torch.Tensor, losses: torch.Tensor) -> None:
        recorded.append((losses, vectors.norm(dim=-1), cosines(vectors[:, :, 0], targets[:, 0])))

    found = run_setting(setting, STUDY, KEY.root)
    assert_keeps(found, CURVES)
    descend(
        loss_function(setting, targets.repeat(2, 1, 1, 1)),
        initial,
        setting.cases,
        "sgd",
        ADAM,
        found["step"].values.tolist(),
        observe,
    )
    for variable, values in zip(
        ("loss", "norm", "cosine"), zip(*recorded, strict=True), strict=True
    ):
        expected = torch.stack(values, dim=2)
        np.testing.assert_allclose(found[variable], expected, rtol=1e-6, atol=1e-6)


def test_a_run_does_not_depend_on_its_batch():
    together = run_setting(MATRIX, {**STUDY, "seeds_per_batch": 4}, 0)
    apart = run_setting(MATRIX, {**STUDY, "seeds_per_batch": 1}, 0)
    assert together["seed"].values.tolist() == [0, 1, 2, 3]
    for name in together.data_vars:
        np.testing.assert_allclose(together[name], apart[name], rtol=1e-9, atol=1e-12)


def test_diverged_runs_are_marked_and_the_others_untouched():
    wild = replace(MATRIX, learning_rates=(0.05, 0.7), num_steps=40, num_seeds=20)
    found = run_setting(wild, STUDY, 0)
    assert not found["diverged"][0].any()
    lost = found["diverged"][1].values
    assert lost.any()
    assert not lost.all()
    calm = run_setting(replace(wild, learning_rates=(0.05,)), STUDY, 0)
    np.testing.assert_allclose(found["loss"][0], calm["loss"][0], rtol=1e-9, atol=1e-14)


def test_when_every_seed_diverges_the_key_is_named():
    wild = replace(MATRIX, learning_rates=(0.05, 50.0))
    with pytest.raises(
        DivergedError, match=r"'matrix'.* rate 50; lower 'learning_rates'"
    ) as caught:
        run_setting(wild, STUDY, 0)
    assert "\n" not in str(caught.value)


# Flow


def test_velocity_is_minus_the_gradient():
    targets, vectors = (v[0] for v in draw_vectors(MATRIX, KEY, [0]))
    leaf = vectors.clone().requires_grad_()
    loss = loss_function(MATRIX, targets[None])(leaf[None]).sum() + 0.05 * leaf.square().sum()
    loss.backward()
    found = velocity(vectors.numpy(), targets.numpy(), weight_decay=0.1)
    np.testing.assert_allclose(found, -leaf.grad.numpy(), atol=1e-14)


def test_descent_converges_to_its_flow_at_first_order():
    errors = []
    for rate in (0.02, 0.01):
        steps = round(2 / rate)
        setting = replace(MATRIX, learning_rates=(rate,), num_steps=steps, num_seeds=2)
        loss = run_setting(setting, STUDY, 0)["loss"].values
        flow = flow_of_setting(setting, STUDY["records"], 0)
        assert_keeps(flow, FLOW)
        errors.append(np.abs(loss - flow["loss"].values).max())
    assert errors[0] < 0.05
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)


def test_flow_of_one_entry_is_the_known_logistic():
    """Equal a and b in one dimension: x = a b obeys x' = 2 x (1 - x) with target 1."""
    times = np.linspace(0, 4, 30)
    start = np.full((2, 1, 1), 0.1**0.5)
    path = gradient_flow(start, np.ones((2, 1, 1)), times)
    expected = 1 / (1 + (1 / 0.1 - 1) * np.exp(-2 * times))
    np.testing.assert_allclose(path[:, 0, 0, 0] * path[:, 1, 0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(
        squared_errors(path, np.ones((2, 1, 1))), 0.5 * (1 - expected) ** 2, rtol=1e-5, atol=1e-12
    )


# Alignment


@pytest.mark.parametrize("setting", CASES.values(), ids=CASES)
def test_captured_share_is_one_at_the_truth_and_none_at_zero(setting):
    targets, vectors = draw_vectors(setting, KEY, range(2))
    at_truth = captured_share(targets, targets, setting.groups, 5)
    np.testing.assert_allclose(at_truth, np.ones(at_truth.shape))
    assert (captured_share(torch.zeros_like(vectors), targets, setting.groups, 5) == 0).all()
    if len(setting.groups) == 1:
        term = replace(setting, rank=1)
        one = explicit(term, targets[0, :, :1])
        expected = (one * explicit(setting, vectors[0])).sum() / (
            one * explicit(setting, targets[0])
        ).sum()
        found = captured_share(vectors, targets, setting.groups, 5)
        assert found[0, 0].item() == pytest.approx(expected.item())


def test_cosines_and_principal_angle_of_known_vectors():
    vectors = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    targets = torch.tensor([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    np.testing.assert_allclose(cosines(vectors, targets), [[1, 0], [0, 0.5**0.5]], atol=1e-6)
    assert largest_angle(vectors.numpy(), targets.numpy()) == pytest.approx(np.pi / 4)
    mixed = torch.tensor([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
    assert largest_angle(mixed.numpy(), targets.numpy()) == pytest.approx(0, abs=1e-6)
    assert np.isnan(largest_angle(np.full((1, 3), np.nan), targets.numpy()))
