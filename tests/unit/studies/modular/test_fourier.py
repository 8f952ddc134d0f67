"""Fourier modes against numpy.fft, and losses and circuits of embeddings with known modes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import torch
import xarray as xr
import yaml

from stagewise.core.intervals import mean_interval
from stagewise.core.replicas import Batch, LossFunction, ParameterLayout, Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.circuits import distance_irrelevance, find_circuits, sum_profile
from stagewise.studies.modular.fourier import (
    ModulusError,
    fold,
    generalising_direction,
    keep_modes,
    learned_modes,
    losses_with_one_mode,
    losses_without_mode,
    mode_powers,
    num_modes,
    pair_power_shares,
    pair_powers,
    power_shares,
)
from stagewise.studies.modular.leads import lead_of_learned
from stagewise.studies.modular.model import cross_entropy, initial_parameters
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings
from stagewise.studies.modular.task import labels_of, pairs_of

ROOT = Path(__file__).parents[4]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())["modular"]
FACTOR = CONFIG["measures"]["mode_factor"]
KEY = StreamKey(8, ("fourier",))
P, LARGE = 13, 53
RESIDUES = torch.arange(P, dtype=torch.float64)
ANGLE = 2 * torch.pi / P * RESIDUES


def projectors(modulus: int) -> torch.Tensor:
    """Return the projectors onto the constant (index 0) and modes 1..(p-1)/2."""
    frequencies = torch.arange(num_modes(modulus) + 1, dtype=torch.float64)
    residues = torch.arange(modulus)
    apart = (residues[:, None] - residues).double()
    waves = torch.cos(2 * torch.pi / modulus * frequencies[:, None, None] * apart)
    waves[1:] *= 2
    return waves / modulus


def noise(*shape: int, name: str = "noise") -> torch.Tensor:
    return torch.randn(*shape, generator=KEY.child(name).generator(), dtype=torch.float64)


def waves(sizes: dict[int, float]) -> torch.Tensor:
    """Return an embedding with a circle of given radius for each mode; 0 is a constant column."""
    columns = []
    for mode, size in sizes.items():
        columns += [size * (mode * ANGLE).cos(), size * (mode * ANGLE).sin()]
    return torch.stack(columns, 1)


# Projectors and powers


@pytest.mark.parametrize("modulus", [3, 9, 13, 53])
def test_projectors_divide_the_space(modulus):
    found = projectors(modulus)
    assert found.shape == ((modulus + 1) // 2, modulus, modulus)
    torch.testing.assert_close(found.sum(0), torch.eye(modulus, dtype=torch.float64))
    products = torch.einsum("jab,kbc->jkac", found, found)
    for index, projector in enumerate(found):
        torch.testing.assert_close(products[index, index], projector)
        assert products[index].sum(0).sub(projector).abs().max() < 1e-12
    assert found.diagonal(dim1=1, dim2=2).sum(1).round().tolist() == [1] + [2] * (modulus // 2)


def test_projections_are_those_of_numpy_fft():
    values = noise(P, 4)
    spectrum = np.fft.fft(values.numpy(), axis=0)
    for mode, projector in enumerate(projectors(P)):
        kept = np.zeros_like(spectrum)
        kept[[mode, -mode]] = spectrum[[mode, -mode]]
        expected = np.fft.ifft(kept, axis=0).real
        np.testing.assert_allclose(projector.numpy() @ values.numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(keep_modes(values, P, [mode]).numpy(), expected, atol=1e-12)


def test_powers_are_those_of_the_projections():
    values = noise(2, P, 4)
    expected = torch.stack([(q @ values).square().sum((-2, -1)) for q in projectors(P)], -1)
    torch.testing.assert_close(mode_powers(values), expected)
    torch.testing.assert_close(mode_powers(values).sum(-1), values.square().sum((-2, -1)))


def test_shares_of_known_circles():
    shares = power_shares(waves({2: 3.0, 5: 1.0}) + 7)
    assert shares.tolist() == pytest.approx([0, 0.9, 0, 0, 0.1, 0])
    assert power_shares(torch.ones(P, 2)).isnan().all()


@pytest.mark.parametrize("modulus", [-3, 0, 1, 2, 4, 52])
def test_even_and_small_moduli_are_refused(modulus):
    with pytest.raises(ModulusError, match=f"odd and at least 3 .* not {modulus}"):
        num_modes(modulus)
    if modulus > 0:
        for call in (power_shares, lambda v: keep_modes(v, modulus, [0])):
            with pytest.raises(ModulusError, match="odd"):
                call(torch.ones(modulus, 3))
        with pytest.raises(ModulusError, match="odd"):
            pair_powers(torch.ones(modulus, modulus, 3))


# Pairs


def test_powers_over_pairs_are_those_of_projectors_on_both_sides():
    values, waves_of = noise(P, P, 3), projectors(P)
    projected = torch.einsum("jac,kbd,cdu->jkabu", waves_of, waves_of, values)
    torch.testing.assert_close(pair_powers(values), projected.square().sum((2, 3, 4)))


def test_shares_over_pairs_by_input_mode():
    left, right = ANGLE[:, None], ANGLE[None]
    alone = (2 * left).cos().expand(P, P)
    together = (5 * (left + right)).cos()
    activations = torch.stack([alone, 2 * together, torch.full((P, P), 9.0)], -1)
    # powers: 1/2 of mode 2, on a only; 4/2 of mode 5, on a and on b
    assert pair_power_shares(activations).tolist() == pytest.approx([0, 1 / 9, 0, 0, 8 / 9, 0])


def test_activations_over_some_pairs_are_refused():
    with pytest.raises(ValueError, match="over all pairs"):
        pair_powers(torch.ones(P, P - 2, 3))


# Learned modes


def circles(strengths: dict[int, float], radii: dict[int, float]) -> tuple[Params, LossFunction]:
    """Return a network of known circuits: logits add strength * cos(2 pi k (a + b - c) / p) over modes.

    Its embedding has a circle of a radius for each mode, whose product over both residues is read by the
    strength over the squared radius.
    """
    residues = torch.arange(LARGE, dtype=torch.float64)
    angles = 2 * torch.pi / LARGE * residues[:, None] * torch.tensor(list(strengths))
    radius = torch.tensor([radii.get(mode, 1.0) for mode in strengths])
    weights = torch.tensor(list(strengths.values())) / radius**2
    read = torch.polar(weights.double().expand(LARGE, -1).contiguous(), -angles)

    def loss(params: Params, batch: Batch) -> torch.Tensor:
        pairs, labels = batch
        points = torch.view_as_complex(params["embedding"].unflatten(1, (-1, 2)).contiguous())
        outputs = ((points[pairs[:, 0]] * points[pairs[:, 1]]) @ read.T).real
        return torch.nn.functional.cross_entropy(outputs, labels)

    waves = torch.stack([angles.cos(), angles.sin()], -1) * radius[:, None]
    return {"embedding": waves.flatten(1)}, loss


def learned_of(strengths: dict[int, float], radii: dict[int, float], batch: Batch) -> set[int]:
    params, loss = circles(strengths, radii)
    without = losses_without_mode(loss, params, batch, LARGE)
    learned = learned_modes(without, loss(params, batch), FACTOR)
    return {int(mode) + 1 for mode in learned.nonzero().flatten()}


def test_modes_of_known_number_are_counted():
    """Of 3 to 6 modes of strength 1/2 to 1, in 32 networks of a test loss of 0.01 to 0.1.

    Each has two modes more that hardly count, and two of four times the power that nothing reads.
    """
    rng, residues = np.random.default_rng(0), torch.arange(LARGE)
    pairs = torch.cartesian_prod(residues, residues)
    missed = false = planted = 0
    for number in [3, 4, 5, 6] * 8:
        modes = (rng.permutation(num_modes(LARGE))[: number + 4] + 1).tolist()
        kept = pairs[torch.from_numpy(rng.permutation(LARGE**2)[:500])]
        batch = kept, kept.sum(1) % LARGE
        relative = [*rng.uniform(0.5, 1, number), 0.01, 0.01, 0.0, 0.0]
        radii = dict.fromkeys(modes[-2:], 2.0)
        level = rng.uniform(np.log(0.01), np.log(0.1))

        def above(log_scale, modes=modes, relative=relative, radii=radii, batch=batch, level=level):
            scale = np.exp(log_scale)
            strengths = {mode: scale * one for mode, one in zip(modes, relative, strict=True)}
            params, loss = circles(strengths, radii)
            return float(loss(params, batch).log()) - level

        scale = np.exp(scipy.optimize.brentq(above, -1, 4, xtol=0.05))
        found = learned_of(
            {mode: scale * one for mode, one in zip(modes, relative, strict=True)}, radii, batch
        )
        missed += len(set(modes[:number]) - found)
        false += len(found - set(modes[:number]))
        planted += number
    assert missed / planted < 0.08
    assert false <= 2


def test_networks_without_circuits_have_no_learned_modes():
    task, network = TaskSettings(23, 0.7, "random"), NetworkSettings(12, 48)
    pairs = pairs_of(task)
    for seed in range(5):
        params = initial_parameters(network, task, KEY.child("idle", seed))
        for labels in (pairs.sum(1) % 23, labels_of(task, KEY.child("idle", seed))):
            batch = pairs, labels

            def loss(params, batch):
                return cross_entropy(params, network, batch)

            without = losses_without_mode(loss, params, batch, 23)
            assert not learned_modes(without, loss(params, batch), FACTOR).any()


def test_what_is_not_finite_or_zero_is_not_learned():
    without = torch.tensor([0.0, torch.nan, torch.inf])
    assert learned_modes(without, torch.tensor(0.0), 2).tolist() == [False, False, True]
    assert not learned_modes(without, torch.tensor(torch.nan), 2).any()
    with pytest.raises(ValueError, match="above 1"):
        learned_modes(without, torch.tensor(1.0), 1.0)


@pytest.mark.parametrize(("lead", "least"), [(0.0, 0.0), (1.5, 0.9)])
def test_a_lead_of_winners_is_told_from_chance(lead, least):
    """Five seeds of 3 winners among 26 modes; ahead by 1.5 standard deviations, or by nothing."""
    rng, found = np.random.default_rng(1), []
    learned = np.arange(26) < 3
    dims = ("step", "mode")
    for _ in range(100):
        power = rng.standard_normal((5, 26)) + lead * learned
        seeds = xr.Dataset(
            {"power_share": (dims, power), "learned": (dims, np.tile(learned, (5, 1)))}
        )
        leads = [lead_of_learned(seeds, seed) for seed in range(5)]
        found.append(mean_interval(np.array(leads))[1] > 0.5)
    assert np.mean(found) >= least
    assert lead or np.mean(found) < 0.025 + 2 * np.sqrt(0.025 * 0.975 / 100)


# Losses by mode


def read_out(params, batch):
    """Return the mean squared distance of an embedding from targets, a loss additive in modes."""
    return (params["embedding"] - batch[0]).square().sum() * params["scale"]


def test_losses_of_single_modes_are_exact():
    target, constant = waves({2: 3.0, 5: 1.0, 6: 0.5}), 0.7
    params = {"embedding": target + constant, "scale": torch.tensor(2.0)}
    power = 2 * mode_powers(target)[1:]
    kept = losses_with_one_mode(read_out, params, (target + constant,), P)
    removed = losses_without_mode(read_out, params, (target + constant,), P)
    torch.testing.assert_close(kept, power.sum() - power)
    torch.testing.assert_close(removed, power)
    assert power[1] == pytest.approx(2 * 9 * P)


def test_rows_beyond_the_residues_stay():
    embedding = torch.cat([noise(P, 4), torch.ones(1, 4, dtype=torch.float64)])
    found = keep_modes(embedding, P, [0, 3])
    assert found.shape == embedding.shape
    assert found[P].tolist() == [1.0] * 4
    torch.testing.assert_close(found[:P], projectors(P)[[0, 3]].sum(0) @ embedding[:P])


def test_losses_of_the_network_by_mode():
    """A mode counts if it is there; the filtered network is that of the filtered embedding."""
    task, network = TaskSettings(P, 0.5), NetworkSettings(6, 20)
    params = initial_parameters(network, task, KEY)
    params["embedding"] = (waves({2: 1.0, 5: 1.0, 6: 0.0}) + 0.1).float()
    batch = (pairs_of(task), labels_of(task, KEY))

    def loss(p, b):
        return cross_entropy(p, network, b)

    removed = losses_without_mode(loss, params, batch, P)
    whole = loss(params, batch)
    changed = (removed - whole).abs() > 1e-4
    assert changed.tolist() == [False, True, False, False, True, False]
    only = {**params, "embedding": (waves({2: 1.0, 5: 0.0, 6: 0.0}) + 0.1).float()}
    kept = losses_with_one_mode(loss, params, batch, P)
    torch.testing.assert_close(kept[1], loss(only, batch), atol=1e-6, rtol=1e-5)
    assert kept.shape == removed.shape == (6,)


def test_impossible_filters_are_refused():
    with pytest.raises(ValueError, match="no 13 residues"):
        keep_modes(torch.ones(11, 2), P, [1])
    with pytest.raises(ValueError, match=r"0\.\.6, not \[7\]"):
        keep_modes(torch.ones(P, 2), P, [7])


def test_generalising_direction_is_the_change_of_learned_modes():
    now, final = noise(P + 1, 6, name="now"), waves({1: 1.0, 4: 2.0, 5: 3.0})
    final = torch.cat([final, torch.ones(1, 6, dtype=torch.float64)])
    params = {"embedding": now, "other": torch.ones(3, dtype=torch.float64)}
    layout = ParameterLayout.of(params)
    ended = {"embedding": final, "other": torch.zeros(3, dtype=torch.float64)}
    found = layout.unflatten(generalising_direction(layout, params, ended, P, [4, 5]))
    expected = projectors(P)[[4, 5]].sum(0) @ (final - now)[:P]
    torch.testing.assert_close(found["embedding"][:P], expected)
    assert found["embedding"][P].tolist() == [0.0] * 6
    assert found["other"].tolist() == [0, 0, 0]
    assert not generalising_direction(layout, params, ended, P, []).any()


# Circuits


@pytest.mark.parametrize(("mode", "folded"), [(0, 0), (6, 6), (7, 6), (12, 1), (13, 0), (-2, 2)])
def test_modes_fold(mode, folded):
    assert fold(mode, P) == folded


def on_pairs(*functions) -> torch.Tensor:
    left, right = torch.meshgrid(ANGLE, ANGLE, indexing="ij")
    return torch.stack([function(left, right) for function in functions], -1)


def test_profile_keeps_what_follows_the_sum():
    kept = on_pairs(lambda a, b: (3 * (a + b)).cos())
    dropped = on_pairs(lambda a, b: a.sin() + (2 * b).cos() + (3 * (a - b)).cos())
    torch.testing.assert_close(sum_profile(kept)[:, 0], (3 * ANGLE).cos())
    assert sum_profile(dropped).abs().max() < 1e-12


def test_clock_and_pizza_are_told_apart():
    activations = on_pairs(
        lambda a, b: 2 * (2 * a).cos() * (2 * b).cos(),  # a product: at 2 of the sum
        lambda a, b: (2 * a).cos() + (2 * b).cos(),  # does not follow the sum
        lambda a, b: (10 * (a + b)).cos(),  # twice 5, folded to 3
        lambda a, b: 0.1 * (5 * (a + b)).sin(),
    )
    clock, pizza = find_circuits(activations, [2, 5])
    assert (clock.mode, clock.double, clock.kind) == (2, 4, "clock")
    assert (pizza.mode, pizza.double, pizza.kind) == (5, 3, "pizza")
    assert pizza.share_at_double == pytest.approx(100 * pizza.share_at_mode)
    assert pizza.share_at_mode + pizza.share_at_double + clock.share_at_mode == pytest.approx(1)
    assert not clock.confounded
    assert not pizza.confounded


def test_modes_that_double_one_another_are_confounded():
    activations = on_pairs(lambda a, b: (2 * (a + b)).cos())
    found = find_circuits(activations, [1, 2, 5])
    assert [circuit.confounded for circuit in found] == [True, True, False]
    with pytest.raises(ValueError, match=r"1\.\.6"):
        find_circuits(activations, [0])


def test_a_mode_that_does_not_follow_the_sum_is_neither():
    (found,) = find_circuits(on_pairs(lambda a, b: (2 * a).cos() + (2 * (a - b)).cos() + 5), [2])
    assert found.kind == "neither"
    assert np.isnan(found.share_at_mode)


def test_distance_irrelevance_of_known_logits():
    apart = on_pairs(lambda a, b: ((a - b) / 2).cos().abs())[..., 0]
    assert distance_irrelevance(apart) == pytest.approx(0, abs=1e-7)
    free = noise(53, 53)
    assert distance_irrelevance(free) == pytest.approx(1, abs=0.05)
    both = on_pairs(lambda a, b: (a - b).cos() + (a + b).cos())[..., 0]
    assert distance_irrelevance(both) == pytest.approx(0.5**0.5)
    assert np.isnan(distance_irrelevance(torch.ones(P, P)))
