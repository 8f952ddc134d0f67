"""Agreement of gradients that are known: of quadratic losses, and of the network one by one."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.agreement import (
    gradient_along,
    mean_cosine,
    mean_cross_cosine,
    sample_gradients,
    unit_gradients,
)
from stagewise.studies.modular.model import cross_entropy, initial_parameters
from stagewise.studies.modular.settings import NetworkSettings, TaskSettings
from stagewise.studies.modular.task import split

KEY = StreamKey(8, ("agreement",))
LAYOUT = ParameterLayout(("w",), ((5,),))
ORIGIN = torch.zeros(5, dtype=torch.float64)


def to_targets(params, batch):
    """Return half the squared distance to targets: at the origin a sample's gradient is -target."""
    return 0.5 * (params["w"] - batch[0]).square().sum(-1).mean()


def noise(*shape: int, name: str = "noise") -> torch.Tensor:
    return torch.randn(*shape, generator=KEY.child(name).generator(), dtype=torch.float64)


def network_case():
    task, network = TaskSettings(7, 0.6), NetworkSettings(4, 8)
    params = initial_parameters(network, task, KEY)
    layout = ParameterLayout.of(params)
    train, test = split(task, KEY)
    vector = layout.flatten(params).double()
    return partial(_network_loss, network), layout, vector, train, test


def _network_loss(network, params, batch):
    return cross_entropy(params, network, batch)


def one_by_one(loss, layout, vector, data) -> torch.Tensor:
    rows = []
    for index in range(len(data[0])):
        leaf = vector.clone().requires_grad_()
        batch = tuple(part[index : index + 1] for part in data)
        rows.append(torch.autograd.grad(loss(layout.unflatten(leaf), batch), leaf)[0])
    return torch.stack(rows)


@pytest.mark.parametrize("chunk", [1, 10, 1000])
def test_gradients_of_the_network_are_those_of_one_sample_at_a_time(chunk):
    loss, layout, vector, train, _ = network_case()
    found = list(sample_gradients(loss, layout, vector, train, chunk))
    assert max(len(part) for part in found) <= chunk
    torch.testing.assert_close(torch.cat(found), one_by_one(loss, layout, vector, train))


def test_mean_cosine_is_that_of_all_pairs():
    loss, layout, vector, train, test = network_case()
    rows = one_by_one(loss, layout, vector, train)
    unit = rows / rows.norm(dim=1, keepdim=True)
    cosines = unit @ unit.T
    pairs = ~torch.eye(len(rows), dtype=torch.bool)
    units = unit_gradients(loss, layout, vector, train, chunk=7)
    assert (units.counts.sum(), units.num_zero) == (len(rows), 0)
    assert mean_cosine(units).value == pytest.approx(cosines[pairs].mean().item())
    other = one_by_one(loss, layout, vector, test)
    crossed = unit @ (other / other.norm(dim=1, keepdim=True)).T
    found = mean_cross_cosine(units, unit_gradients(loss, layout, vector, test))
    assert found.value == pytest.approx(crossed.mean().item())


@pytest.mark.parametrize(
    ("targets", "cosine"),
    [
        ([[1.0, 0], [2.0, 0], [5.0, 0]], 1.0),
        ([[1.0, 0], [0.0, 3]], 0.0),
        ([[1.0, 0], [-7.0, 0]], -1.0),
        ([[1.0, 0], [-1.0, 0], [0.0, 1], [0.0, -1]], -1 / 3),
        ([[1.0, 0], [3.0, 3], [0.0, 0]], 0.5**0.5),
    ],
    ids=["alike", "orthogonal", "opposed", "least of four", "one without a gradient"],
)
def test_known_cosines(targets, cosine):
    layout = ParameterLayout(("w",), ((2,),))
    origin = torch.zeros(2, dtype=torch.float64)
    data = (torch.tensor(targets, dtype=torch.float64),)
    units = unit_gradients(to_targets, layout, origin, data, chunk=2)
    assert mean_cosine(units).value == pytest.approx(cosine, abs=1e-12)
    assert units.num_zero == (data[0] == 0).all(1).sum()


def signal_in_noise(signal: float, name: str, count: int = 300, dimensions: int = 50):
    """Return unit gradients of targets s e + noise: in m dimensions, cosines near s^2 / (s^2 + m)."""
    targets = noise(count, dimensions, name=name)
    targets[:, 0] += signal
    layout = ParameterLayout(("w",), ((dimensions,),))
    origin = torch.zeros(dimensions, dtype=torch.float64)
    return unit_gradients(to_targets, layout, origin, (targets,))


def test_agreement_of_a_signal_in_noise():
    found = mean_cosine(signal_in_noise(5.0, "signal"))
    assert found.standard_error < 0.02
    assert found.value == pytest.approx(25 / 75, abs=4 * found.standard_error)
    without = mean_cosine(signal_in_noise(0.0, "signal"))
    assert without.standard_error < 0.002
    assert abs(without.value) < 4 * without.standard_error


@pytest.mark.parametrize(("signal", "most"), [(5.0, 1.25), (0.0, 1.7)])
def test_standard_errors_are_those_of_repeated_samples(signal, most):
    """With a signal they are right; without one they are up to sqrt(2) too large."""
    units = [signal_in_noise(signal, f"sample-{index}") for index in range(120)]
    alone = [mean_cosine(one) for one in units]
    crossed = [mean_cross_cosine(*pair) for pair in zip(units[::2], units[1::2], strict=True)]
    for found in (alone, crossed):
        spread = np.std([one.value for one in found])
        stated = np.mean([one.standard_error**2 for one in found]) ** 0.5
        assert 0.8 < stated / spread < most


def test_too_few_samples_have_no_cosine():
    one = unit_gradients(to_targets, LAYOUT, ORIGIN, (noise(1, 5),))
    none = unit_gradients(to_targets, LAYOUT, ORIGIN, (torch.zeros(2, 5),))
    assert np.isnan(mean_cosine(one).value)
    assert np.isnan(mean_cross_cosine(one, none).value)
    assert none.num_zero == 2
    crossed = mean_cross_cosine(one, one)
    assert crossed.value == pytest.approx(1)
    assert np.isnan(crossed.standard_error)


# Along a direction


def test_signal_and_noise_along_a_direction():
    targets = noise(40, 5)
    direction = 3 * noise(5, name="direction")
    along = (targets @ (direction / direction.norm())).numpy()
    found = gradient_along(to_targets, LAYOUT, ORIGIN, (targets,), direction, chunk=9)
    assert found.mean == pytest.approx(along.mean())
    assert found.deviation == pytest.approx(along.std(ddof=1))
    assert found.signal_to_noise == pytest.approx(along.mean() / along.std(ddof=1))
    assert found.standard_error == pytest.approx(along.std(ddof=1) / 40**0.5)
    assert found.share == pytest.approx(along.mean() ** 2 / targets.mean(0).square().sum().item())


def test_descent_towards_the_targets_has_a_positive_signal():
    targets = torch.ones(10, 5, dtype=torch.float64) + 0.1 * noise(10, 5)
    ahead = torch.ones(5, dtype=torch.float64)
    forth = gradient_along(to_targets, LAYOUT, ORIGIN, (targets,), ahead)
    back = gradient_along(to_targets, LAYOUT, ORIGIN, (targets,), -ahead)
    assert forth.signal_to_noise > 10
    assert back.signal_to_noise == pytest.approx(-forth.signal_to_noise)
    assert forth.share > 0.98


def test_without_noise_without_direction_or_with_one_sample():
    same = (torch.ones(4, 5, dtype=torch.float64),)
    axis = torch.eye(5, dtype=torch.float64)[0]
    assert gradient_along(to_targets, LAYOUT, ORIGIN, same, axis).signal_to_noise == np.inf
    nowhere = gradient_along(to_targets, LAYOUT, ORIGIN, same, torch.zeros(5))
    assert np.isnan(nowhere.signal_to_noise)
    single = gradient_along(to_targets, LAYOUT, ORIGIN, (same[0][:1],), axis)
    assert np.isnan(single.signal_to_noise)
    there = gradient_along(to_targets, LAYOUT, torch.ones(5, dtype=torch.float64), same, axis)
    assert np.isnan(there.signal_to_noise)
    assert np.isnan(there.share)


def test_an_impossible_chunk_is_refused():
    with pytest.raises(ValueError, match="chunk"):
        unit_gradients(to_targets, LAYOUT, ORIGIN, (noise(4, 5),), chunk=0)
