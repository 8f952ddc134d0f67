"""SGLD and the LLC estimate against exact posteriors and a serial reference."""

import dataclasses

import numpy as np
import pytest
import torch
import xarray as xr

from stagewise.core.seeding import StreamKey
from stagewise.llc.diagnostics import judge, judge_all, locality
from stagewise.llc.estimate import estimate_llc, full_loss, summarise
from stagewise.llc.estimate_layout import ESTIMATE, LLC, LLC_SHARD
from stagewise.llc.layout import SUMMARY
from stagewise.llc.posterior import Posterior
from stagewise.llc.sampling import Trace
from stagewise.llc.settings import SGLDConfig
from stagewise.llc.sgld import sample_chains
from stagewise.llc.table import summary_table
from tests.layouts import assert_keeps

CONFIG = SGLDConfig(
    step_size=2e-3,
    n_beta=20.0,
    localization=1.0,
    num_chains=8,
    num_burnin=400,
    num_draws=1500,
    batch_size=16,
)


def noisy_quadratic(params, batch):
    """h/2 |w|^2 plus a term linear in the sample, whose mean over the data is zero."""
    (shift,) = batch
    w = params["w"]
    return 0.5 * w.square().sum() + (shift @ w).mean()


def centred_data(count=256, dimension=10, spread=0.3):
    data = spread * torch.randn(count, dimension, generator=StreamKey(5).generator())
    return (data - data.mean(0),)


def exact_llc(dimension, config, curvature=1.0):
    """LLC of a quadratic at finite n_beta, gamma and step size: the chain is an AR(1) process."""
    precision = config.n_beta * curvature + config.localization
    variance = 1 / (precision * (1 - config.step_size * precision / 4))
    return config.n_beta * curvature / 2 * dimension * variance


def test_quadratic_in_closed_form():
    params = {"w": torch.zeros(10)}
    result = estimate_llc(noisy_quadratic, params, centred_data(spread=0.0), CONFIG, key=1)
    stderr = float(result.llc_stderr)
    exact = exact_llc(10, CONFIG)
    assert stderr < 0.05 * exact
    assert abs(float(result.llc_mean) - exact) < 4 * stderr
    assert exact == pytest.approx(5, rel=0.1)  # close to d/2, the exact value without gamma
    assert float(result.rhat) < 1.05


def test_minibatch_noise_leaves_the_estimate_where_it_was():
    """Gradient noise warms the chain by a known share; the paired difference adds no bias."""
    params = {"w": torch.zeros(10)}
    config = dataclasses.replace(CONFIG, step_size=2e-3)
    result = estimate_llc(noisy_quadratic, params, centred_data(), config, key=1)
    assert abs(float(result.llc_mean) - exact_llc(10, config)) < 4 * float(result.llc_stderr) + 0.1


def test_pairing_removes_batch_noise_and_keeps_the_mean():
    def offset(params, batch):
        (sample,) = batch
        return 0.5 * params["w"].square().sum() + sample.mean()

    data = (3 * torch.randn(512, generator=StreamKey(6).generator()),)
    result = estimate_llc(offset, {"w": torch.zeros(10)}, data, CONFIG, key=2)
    paired = (result.loss - result.baseline_loss).std()
    assert float(result.loss.std()) > 5 * float(paired)
    assert abs(float(result.llc_mean) - exact_llc(10, CONFIG)) < 4 * float(result.llc_stderr)


def test_scale_of_the_loss_does_not_change_the_llc():
    """The LLC counts directions, not their curvature."""
    config = dataclasses.replace(CONFIG, localization=0.1)

    def scaled(params, batch):
        return 4 * noisy_quadratic(params, batch)

    params, data = {"w": torch.zeros(10)}, centred_data(spread=0.0)
    one = estimate_llc(noisy_quadratic, params, data, config, key=1)
    four = estimate_llc(scaled, params, data, config, key=1)
    ratio = exact_llc(10, config, curvature=4.0) / exact_llc(10, config)
    error = np.hypot(float(one.llc_stderr) * ratio, float(four.llc_stderr))
    assert abs(float(four.llc_mean) - ratio * float(one.llc_mean)) < 4 * error
    assert abs(ratio - 1) < 0.05


def serial_reference(loss_fn, centre, data, config, key):
    """Run the update for one chain at a time, with autograd on a plain leaf."""
    losses = torch.empty(config.num_chains, config.num_burnin + config.num_draws)
    for chain in range(config.num_chains):
        noise = key.child("noise", chain).generator()
        rows = key.child("batch", chain).generator()
        w = centre.clone()
        for step in range(losses.shape[1]):
            choice = torch.randint(len(data[0]), (config.batch_size,), generator=rows)
            leaf = w.clone().requires_grad_()
            loss = loss_fn({"w": leaf}, (data[0][choice],))
            loss.backward()
            losses[chain, step] = loss.detach()
            force = config.n_beta * leaf.grad + config.localization * (w - centre)
            eta = torch.randn(centre.shape, generator=noise)
            w = w - 0.5 * config.step_size * force + config.step_size**0.5 * eta
    return losses


@pytest.mark.parametrize("num_chains", [1, 3])
def test_stacked_chains_agree_with_the_serial_reference(num_chains):
    config = SGLDConfig(1e-3, 20.0, 5.0, num_chains, 5, 30, 16)
    key, centre, data = StreamKey(3), torch.linspace(-1, 1, 10), centred_data()
    posterior = Posterior.around({"w": centre}, noisy_quadratic, 20.0, 5.0)
    trace = sample_chains(posterior, data, config, key)
    expected = serial_reference(noisy_quadratic, centre, data, config, key)
    seen = torch.cat([trace.burnin_loss, trace.loss], dim=1)
    torch.testing.assert_close(seen, expected, rtol=1e-4, atol=1e-5)


def test_a_chain_does_not_depend_on_its_neighbours():
    few = SGLDConfig(1e-3, 20.0, 5.0, 2, 5, 30, 16)
    many = dataclasses.replace(few, num_chains=5)
    params, data = {"w": torch.zeros(10)}, centred_data()
    a = estimate_llc(noisy_quadratic, params, data, few, key=3)
    b = estimate_llc(noisy_quadratic, params, data, many, key=3)
    np.testing.assert_allclose(a.loss, b.loss[:2], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("start", ["checkpoint", "gaussian"])
def test_chains_in_groups_are_the_same_chains(start, paired):
    config = SGLDConfig(1e-3, 20.0, 5.0, 5, 5, 30, 16, start=start, paired=paired)
    params, data = {"w": torch.linspace(-1, 1, 10)}, centred_data()
    whole = estimate_llc(noisy_quadratic, params, data, config, key=3)
    for together in (1, 2, 5):
        groups = estimate_llc(
            noisy_quadratic, params, data, config, key=3, chains_at_a_time=together
        )
        for name in ("loss", "burnin_loss", "baseline_loss", "displacement"):
            np.testing.assert_allclose(groups[name], whole[name], rtol=1e-4, atol=1e-6)


def test_keys_name_the_noise():
    config = SGLDConfig(1e-3, 20.0, 5.0, 2, 5, 30, 16)
    params, data = {"w": torch.zeros(10)}, centred_data()
    first, same, other = (
        estimate_llc(noisy_quadratic, params, data, config, key=key) for key in (3, 3, 4)
    )
    xr.testing.assert_identical(first, same)
    assert not np.array_equal(first.loss, other.loss)


def test_generated_batches():
    def batches(key):
        return (torch.randn(16, 10, generator=key.generator()),)

    config = SGLDConfig(1e-3, 20.0, 5.0, 2, 5, 30, 16)
    params = {"w": torch.zeros(10)}
    result = estimate_llc(noisy_quadratic, params, batches, config, key=3)
    assert np.isfinite(result.llc_mean)
    xr.testing.assert_identical(
        result, estimate_llc(noisy_quadratic, params, batches, config, key=3)
    )


def test_divergence_is_flagged_and_left_out():
    config = SGLDConfig(5.0, 20.0, 1.0, 3, 5, 60, 16)
    result = estimate_llc(noisy_quadratic, {"w": torch.zeros(10)}, centred_data(), config, key=1)
    assert result.diverged.all()
    assert int(result.num_diverged) == 3
    assert np.isnan(result.llc_mean)
    assert result.attrs["failure"] == "3 of 3 chains diverged: lower step_size"


def test_an_escaping_chain_reports_a_negative_llc():
    def downhill(params, batch):
        return params["w"].sum() + 0.5 * params["w"].square().sum() + 0 * batch[0].sum()

    config = SGLDConfig(1e-3, 50.0, 1.0, 4, 100, 300, 16)
    result = estimate_llc(downhill, {"w": torch.zeros(10)}, centred_data(), config, key=1)
    assert float(result.llc_mean) < -10 * float(result.llc_stderr)


def test_a_drifting_chain_shows_drift():
    flat = SGLDConfig(1e-5, 20.0, 1.0, 4, 0, 200, 16)
    mixed = estimate_llc(noisy_quadratic, {"w": torch.zeros(10)}, centred_data(), CONFIG, key=1)
    drifting = estimate_llc(noisy_quadratic, {"w": torch.zeros(10)}, centred_data(), flat, key=1)
    share = abs(drifting.drift.mean()) / abs(drifting.llc_mean)
    assert float(share) > 0.5
    assert float(abs(mixed.drift.mean()) / mixed.llc_mean) < 0.1


W = {"w": torch.zeros(10)}


@pytest.mark.parametrize(
    ("params", "batches", "loss_fn", "message"),
    [
        ({"w": torch.zeros(3, dtype=torch.int64)}, centred_data(), noisy_quadratic, "torch.int64"),
        (W, (torch.zeros(0, 10),), noisy_quadratic, "positive number of"),
        (W, (torch.zeros(4, 10), torch.zeros(5)), noisy_quadratic, r"samples, not \[4, 5\]"),
        (W, (), noisy_quadratic, "positive number of"),
        (W, centred_data(), lambda p, b: p["w"], r"must return a scalar, not shape \(10,\)"),
        (W, centred_data(dimension=7), noisy_quadratic, r"batch of shapes \[\(16, 7\)\]"),
        ({"v": torch.zeros(10)}, centred_data(), noisy_quadratic, "loss_fn fails on a batch"),
        ({"w": torch.full((10,), torch.nan)}, centred_data(), noisy_quadratic, "'w' holds NaN"),
        (W, (torch.full((4, 10), torch.nan),), noisy_quadratic, "the loss at w. is nan"),
        ({}, centred_data(), noisy_quadratic, "params is empty"),
        (W, centred_data(), lambda p, b: b[0].mean(), "does not depend on params"),
        ({**W, "v": torch.zeros(2).double()}, centred_data(), noisy_quadratic, "several types"),
        (W, (torch.zeros(4, 10, device="meta"),), noisy_quadratic, "several devices, cpu and meta"),
        (W, lambda key: (torch.zeros(2, 7),), noisy_quadratic, r"batch of shapes \[\(2, 7\)\]"),
    ],
)
def test_bad_input_is_refused_before_sampling(params, batches, loss_fn, message, monkeypatch):
    monkeypatch.setattr(
        "stagewise.llc.estimate.sample_chains", lambda *_: pytest.fail("sampling has begun")
    )
    with pytest.raises(ValueError, match=message):
        estimate_llc(loss_fn, params, batches, CONFIG, key=1)


def test_unpaired_draws_need_samples():
    config = dataclasses.replace(CONFIG, paired=False)
    with pytest.raises(ValueError, match="give the samples, not a callable"):
        estimate_llc(noisy_quadratic, W, lambda key: (torch.zeros(2, 10),), config, key=1)


def test_the_temperature_is_watanabes_unless_it_is_said():
    data, short = centred_data(), dataclasses.replace(CONFIG, num_burnin=2, num_draws=4)
    settings = {"n_beta": None}, {"n_beta": 256 / np.log(256)}
    one, other = (
        estimate_llc(noisy_quadratic, W, data, dataclasses.replace(short, **changed), key=1)
        for changed in settings
    )
    xr.testing.assert_identical(one, other)
    with pytest.raises(ValueError, match="give the n samples, not a callable"):
        estimate_llc(
            noisy_quadratic, W, lambda key: data, dataclasses.replace(short, n_beta=None), key=1
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_beta", 0),
        ("step_size", -1e-3),
        ("num_draws", 1),
        ("num_chains", 0),
        ("steps_per_draw", 0),
        ("preconditioner", "adam"),
        ("start", "zero"),
    ],
)
def test_impossible_settings_name_the_setting(name, value):
    with pytest.raises(ValueError, match=f"SGLDConfig.{name} must be"):
        dataclasses.replace(CONFIG, **{name: value})


def test_curvature_needs_a_pull():
    with pytest.raises(ValueError, match=r"localization \(0.0\) must be above 0"):
        dataclasses.replace(CONFIG, localization=0.0, preconditioner="hessian")


def test_full_loss_is_the_mean_over_all_samples():
    data = centred_data(count=1000)
    params = {"w": torch.ones(10)}
    whole = noisy_quadratic(params, data).item()
    assert full_loss(noisy_quadratic, params, data, chunk=300) == pytest.approx(whole, rel=1e-5)


def judged_like(forgets: bool):
    """Estimates at three checkpoints whose chains stay, or all end at the untrained loss."""
    steps, losses = [0, 100, 200], np.array([4.0, 3.0, 2.0])
    ends = np.full(3, 4.0) if forgets else losses + 0.1
    config = SGLDConfig(1e-3, 20.0, 5.0, 2, 0, 40, 16)
    one = estimate_llc(noisy_quadratic, {"w": torch.ones(10)}, centred_data(), config, key=3)
    joined = xr.concat([one.expand_dims(step=[step]) for step in steps], "step")
    joined["init_loss"] = joined.init_loss.copy(data=losses)
    joined["baseline_loss"] = xr.zeros_like(joined.loss) + losses[:, None, None]
    joined["loss"] = xr.zeros_like(joined.loss) + ends[:, None, None]
    joined["displacement"] = xr.zeros_like(joined.loss) + (2.0 if forgets else 0.2)
    joined["llc"] = config.n_beta * (joined.loss - joined.baseline_loss).mean("draw")
    joined["llc_mean"] = joined.llc.mean("chain")
    joined["drift"], joined["rhat"] = xr.zeros_like(joined.drift), xr.ones_like(joined.rhat)
    joined = LLC_SHARD.describe(joined)
    judged = joined.merge(locality(joined, untrained_loss=4.0, constant_loss=4.1))
    return judged.merge(judge_all(joined, untrained_loss=4.0))


def test_chains_that_forget_are_saturated():
    forgotten, local = judged_like(forgets=True), judged_like(forgets=False)
    assert forgotten.saturated.values.tolist() == [True, True, True]
    assert local.saturated.values.tolist() == [False, False, False]
    assert np.isnan(local.forgotten_share[0])
    np.testing.assert_allclose(forgotten.forgotten_share[1:], 1.0, rtol=1e-5)
    np.testing.assert_allclose(local.forgotten_share[1:], [0.1, 0.05], rtol=1e-4)
    np.testing.assert_allclose(forgotten.mean_loss, 4.0, rtol=1e-6)


def test_a_chain_that_ran_away_does_not_saturate_the_others():
    joined = judged_like(forgets=False)[list(LLC_SHARD.variables)].isel(step=[0])
    joined["diverged"] = joined.diverged.astype(int).copy(data=[[1, 0]])
    joined["displacement"] = joined.displacement.where(joined.diverged == 0, 50.0)
    found = locality(joined, untrained_loss=4.0, constant_loss=4.1)  # nothing is gained yet
    assert not found.saturated.item()
    np.testing.assert_allclose(found.mean_displacement, 0.2, rtol=1e-6)


def test_judged_estimates_keep_the_layout():
    judged = judged_like(forgets=False)
    assert_keeps(judged, LLC)
    table = SUMMARY.check(summary_table(judged, "base-s0", "local"))
    assert table.step.tolist() == [0, 100, 200]
    assert table.verdict.tolist() == ["ok", "ok", "ok"]


def test_saturated_estimates_are_called_so():
    judged = judged_like(forgets=True)
    assert judged.verdict.values.tolist() == ["saturated"] * 3
    assert "nothing was learned yet" in str(judged.reason.values[0])
    assert "gave up 100 %" in str(judged.reason.values[1])


def estimate_of(excess, n_beta=10.0):
    """Return an estimate whose paired draws are given, shape (chain, draw)."""
    config = dataclasses.replace(
        CONFIG, n_beta=n_beta, num_chains=len(excess), num_draws=excess.shape[1], num_burnin=0
    )
    ones = torch.ones(excess.shape)
    trace = Trace(torch.empty(len(excess), 0), torch.from_numpy(excess), 0 * ones, ones)
    posterior = Posterior.around({"w": torch.ones(100)}, noisy_quadratic, n_beta, 1.0)
    return summarise(trace, posterior, 0.0, dataclasses.asdict(config))


NOISE = np.random.default_rng(0).normal(0, 0.1, (6, 200))
RISE = np.linspace(-0.5, 0.5, 200)
APART = np.linspace(-0.5, 0.5, 6)[:, None]


@pytest.mark.parametrize(
    ("excess", "verdict", "reason"),
    [
        (1 + NOISE, "ok", "R-hat 1.0"),
        (1 + NOISE + 0.05 * RISE, "ok", "drift"),  # a change of 2.5 %: within a tenth
        (1 + 2 * NOISE + 0.3 * RISE, "drifting", "changes by 1.4 between halves"),
        (1 + NOISE + APART, "drifting", "chains disagree"),
        (0.005 * NOISE - 1, "escaped", "chains sank below"),
        (NOISE - 0.001, "ok", "R-hat"),  # below zero, but not beyond its error
        (np.full((6, 200), np.inf), "diverged", "6 of 6 chains ran away"),
        (1 + NOISE + np.array([np.inf] * 2 + [0.0] * 4)[:, None], "ok", "2 of 6 chains left out"),
        (1 + NOISE + np.array([np.inf] * 4 + [0.0] * 2)[:, None], "diverged", "4 of 6 chains"),
    ],
)
def test_verdicts(excess, verdict, reason):
    result = estimate_of(excess)
    assert_keeps(result, ESTIMATE)
    assert result.attrs["verdict"] == verdict
    assert reason in result.attrs["reason"]
    assert judge(result) == (verdict, result.attrs["reason"])


def test_saturation_is_judged_against_the_untrained_loss():
    estimate = estimate_of(1 + NOISE)
    assert judge(estimate, untrained_loss=1.1).verdict == "saturated"
    assert judge(estimate, untrained_loss=5.0).verdict == "ok"
    assert judge(estimate_of(NOISE - 1), untrained_loss=1.1).verdict == "escaped"


def test_drift_within_its_error_is_no_drift():
    """Draws this wild change between halves by more than a tenth of the estimate, by chance."""
    wild = np.random.default_rng(4).normal(1, 3.0, (6, 40))
    result = estimate_of(wild)
    assert abs(float(result.drift.mean())) > 0.1 * float(result.llc_mean)
    assert result.attrs["verdict"] == "ok"
