"""Preconditioners: their algebra, and that a fixed one leaves the posterior as it is."""

import dataclasses

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from stagewise.core.seeding import StreamKey
from stagewise.llc.diagnostics import chain_diagnostics
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.posterior import Posterior
from stagewise.llc.preconditioning import (
    Preconditioner,
    covariance_estimate,
    gradient_squares,
    normalised,
)
from stagewise.llc.settings import KINDS, SGLDConfig
from stagewise.llc.sgld import sample_chains

KEY = StreamKey(4, ("preconditioning",))
DIMENSION = 12
N_BETA, GAMMA = 20.0, 1.0
CENTRE = torch.zeros(DIMENSION)
CURVATURES = torch.logspace(-2, 1, DIMENSION)
AXES, _ = torch.linalg.qr(torch.randn(DIMENSION, DIMENSION, generator=KEY.generator()))
HESSIAN = AXES @ torch.diag(CURVATURES) @ AXES.T
DATA = (0.1 * torch.randn(64, DIMENSION, generator=KEY.child("data").generator()),)
DATA = (DATA[0] - DATA[0].mean(0),)
CONFIG = SGLDConfig(0.2, N_BETA, GAMMA, 8, 300, 1500, 64)


def quadratic(params, batch):
    """Return a rotated quadratic, plus a term linear in the sample that averages to zero."""
    w = params["w"]
    return 0.5 * w @ HESSIAN @ w + 0 * batch[0].sum() + (batch[0] @ w).mean()


def still(params, batch):
    """Return the same without noise of the batch."""
    w = params["w"]
    return 0.5 * w @ HESSIAN @ w + 0 * batch[0].sum()


def posterior_of(loss_fn, centre=CENTRE):
    return Posterior.around({"w": centre}, loss_fn, N_BETA, GAMMA)


def of_kind(kind):
    around = posterior_of(quadratic), DATA, KEY
    return covariance_estimate(kind, *around), around


@pytest.mark.parametrize("kind", KINDS[1:])
def test_half_powers_make_the_whole(kind):
    estimated, _ = of_kind(kind)
    vectors = torch.eye(DIMENSION)
    twice = estimated.apply(estimated.apply(vectors, 0.5), 0.5)
    torch.testing.assert_close(twice, estimated.apply(vectors), rtol=1e-4, atol=1e-6)
    assert torch.linalg.eigvalsh(estimated.apply(vectors))[0] > 0


@pytest.mark.parametrize("kind", KINDS[1:])
def test_the_stiffest_direction_has_unit_rate(kind):
    estimated, around = of_kind(kind)
    scaled = normalised(estimated, *around)
    root = scaled.apply(torch.eye(DIMENSION), 0.5)
    rates = torch.linalg.eigvalsh(root @ (N_BETA * HESSIAN + GAMMA * torch.eye(DIMENSION)) @ root)
    assert rates[-1] == pytest.approx(1, rel=1e-3)


def test_gradient_squares_agree_with_a_loop():
    w = torch.linspace(-1, 1, DIMENSION)
    loop = torch.zeros(DIMENSION)
    for sample in DATA[0]:
        leaf = w.clone().requires_grad_()
        quadratic({"w": leaf}, (sample[None],)).backward()
        loop += leaf.grad.square() / len(DATA[0])
    torch.testing.assert_close(gradient_squares(posterior_of(quadratic, w), DATA), loop)


def exact_llc(transform, step_size):
    """LLC of the chain with preconditioner P: a linear recursion with a known stationary covariance."""
    precision = N_BETA * HESSIAN + GAMMA * torch.eye(DIMENSION)
    root = transform(torch.eye(DIMENSION), 0.5)
    rates, axes = torch.linalg.eigh(root @ precision @ root)
    covariance = root @ axes @ torch.diag(1 / (rates * (1 - step_size * rates / 4))) @ axes.T @ root
    return N_BETA / 2 * torch.trace(HESSIAN @ covariance).item(), covariance


def transform_of(kind):
    around = posterior_of(still), DATA, StreamKey(1).child("curvature")
    return normalised(covariance_estimate(kind, *around), *around).apply


def config_for(kind, start):
    step_size = 0.2 if kind != "none" else 0.2 / (N_BETA * 10 + GAMMA)
    return dataclasses.replace(CONFIG, step_size=step_size, preconditioner=kind, start=start)


@pytest.mark.parametrize("start", ["checkpoint", "gaussian"])
@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_fixed_preconditioner_leaves_the_posterior_unchanged(kind, start):
    """E[L] of the chain is exact, and that of the posterior up to the share epsilon / 4."""
    result = estimate_llc(still, {"w": CENTRE}, DATA, config_for(kind, start), key=1)
    chain, _ = exact_llc(transform_of(kind), 0.2)
    posterior, truth = exact_llc(transform_of(kind), 0.0)
    stderr = float(result.llc_stderr)
    assert stderr < 0.05 * posterior
    assert abs(float(result.llc_mean) - chain) < 4 * stderr
    assert posterior <= chain < posterior / (1 - 0.2 / 4) * 1.001
    torch.testing.assert_close(
        truth,
        torch.linalg.inv(N_BETA * HESSIAN + GAMMA * torch.eye(DIMENSION)),
        rtol=1e-3,
        atol=1e-4,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_averaged_noise_leaves_no_bias_of_the_step(kind):
    """At half the longest stable step the plain chain is off by a fifth and more, this one not."""
    config = config_for(kind, "checkpoint")
    long = dataclasses.replace(config, step_size=10 * config.step_size, integrator="averaged")
    result = estimate_llc(still, {"w": CENTRE}, DATA, long, key=1)
    identity = Preconditioner(torch.ones(DIMENSION), torch.empty(0, DIMENSION), torch.empty(0))
    transform = identity.apply if kind == "none" else transform_of(kind)
    plain, _ = exact_llc(transform, long.step_size)
    posterior, _ = exact_llc(transform, 0.0)
    stderr = float(result.llc_stderr)
    assert stderr < 0.04 * posterior
    assert abs(float(result.llc_mean) - posterior) < 4 * stderr
    assert plain - posterior > 8 * stderr


def test_ill_conditioned_directions_mix_faster():
    """Effective samples of the flattest coordinate's size, from chains of the same length."""

    def mixing(kind):
        config = config_for(kind, "checkpoint")
        trace = sample_chains(posterior_of(still), DATA, config, StreamKey(2))
        return chain_diagnostics(trace.displacement.double().numpy())[1]

    assert mixing("lanczos") > 2 * mixing("none")


def test_a_gaussian_start_has_the_stated_covariance():
    """Chains begin at N(w*, P): their first loss gives the trace of H P."""
    count = 2000
    config = dataclasses.replace(
        config_for("lanczos", "gaussian"), num_chains=count, num_burnin=0, num_draws=2
    )
    trace = sample_chains(posterior_of(still), DATA, config, StreamKey(2))
    around = posterior_of(still), DATA, StreamKey(2).child("curvature")
    spread: Preconditioner = covariance_estimate("lanczos", *around)
    expected = 0.5 * torch.trace(HESSIAN @ spread.apply(torch.eye(DIMENSION)))
    first = trace.loss[:, 0]
    stderr = first.std() / count**0.5
    assert stderr < 0.05 * expected
    assert abs(first.mean() - expected) < 4 * stderr
    squares = trace.displacement[:, 0].square()
    expected = torch.trace(spread.apply(torch.eye(DIMENSION)))
    assert abs(squares.mean() - expected) < 4 * squares.std() / count**0.5


@pytest.mark.parametrize("kind", KINDS[1:])
def test_nothing_takes_more_samples_at_a_time_than_the_chains_do(kind):
    sizes = []

    def loss_fn(params, batch):
        sizes.append(len(batch[0]))
        return 0.5 * (batch[0] @ params["w"]).square().mean()

    data = (torch.randn(300, DIMENSION, generator=KEY.child("rows").generator()),)
    config = SGLDConfig(0.1, N_BETA, GAMMA, 2, 0, 4, 8, preconditioner=kind, start="gaussian")
    estimate_llc(loss_fn, {"w": CENTRE}, data, config, key=KEY)
    assert max(sizes) == 2 * 8


def test_data_sorted_by_label_have_the_coefficient_of_shuffled_data():
    pixels, labels = map(torch.tensor, load_digits(return_X_y=True))
    inputs = pixels.float() / 16
    params = {"w": torch.zeros(10, 64, requires_grad=True)}

    def loss_fn(params, batch):
        error = nn.functional.cross_entropy(batch[0] @ params["w"].T, batch[1])
        return error + 1e-3 * params["w"].square().sum()

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(params, (inputs, labels))
        loss.backward()
        return loss

    optimizer = torch.optim.LBFGS(params.values(), max_iter=300, line_search_fn="strong_wolfe")
    optimizer.step(closure)
    config = SGLDConfig(
        0.2, 5000.0, 1.0, 4, 100, 200, 64, preconditioner="lanczos", start="gaussian"
    )
    by_label = labels.argsort()
    assert set(labels[by_label][:128].tolist()) == {0}  # all that the first samples show
    shuffled = torch.randperm(len(labels), generator=KEY.child("order").generator())
    estimates = [
        estimate_llc(loss_fn, params, (inputs[order], labels[order]), config, key=KEY)
        for order in (by_label, shuffled)
    ]
    assert [one.attrs["verdict"] for one in estimates] == ["ok", "ok"]
    means = [float(one.llc_mean) for one in estimates]
    error = sum(float(one.llc_stderr) ** 2 for one in estimates) ** 0.5
    assert means[0] == pytest.approx(means[1], abs=4 * error)
    assert error < 0.05 * means[1]  # curvature of the first samples alone gave 2.5 times as much
