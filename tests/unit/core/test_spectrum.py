"""Stochastic Lanczos quadrature against exact spectra: values, stated errors and their coverage."""

import numpy as np
import pytest
import torch
from scipy.stats import t as student

from stagewise.core.curvature import hessian_product
from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey
from stagewise.core.spectrum import lanczos_quadrature, probed_spectrum, soft_count, too_low

KEY = StreamKey(11, ("spectrum",))
SIZES = {"num_directions": 4, "num_probes": 6, "num_steps": 12}
LAYOUT = ParameterLayout(("a", "b"), ((6, 10), (10, 4)))


def network_loss(params, batch):
    return (torch.tanh(batch[0] @ params["a"]) @ params["b"] - batch[1]).square().mean()


@pytest.fixture(scope="module")
def network():
    """Return a small network's Hessian as a product, its exact eigenvalues and its parameters."""
    draw = {"generator": KEY.child("network").generator(), "dtype": torch.float64}
    point = torch.randn(LAYOUT.num_parameters, **draw)
    batch = torch.randn(40, 6, **draw), torch.randn(40, 4, **draw)
    product = hessian_product(network_loss, LAYOUT, point, batch)
    matrix = torch.stack([product(axis) for axis in torch.eye(len(point), dtype=torch.float64)])
    return lambda vector: matrix @ vector, torch.linalg.eigvalsh(matrix).numpy(), point


def test_soft_counts_cover_the_exact_ones_of_a_network(network):
    product, exact, point = network
    assert exact.min() < -0.05  # negative curvature is part of the test
    keys = [KEY.child(number) for number in range(50)]
    found = [probed_spectrum(product, point, key=key, **SIZES) for key in keys]
    for scale in (0.3, 1.0, 4.0):
        counts = [spectrum.trace(soft_count(scale)) for spectrum in found]
        means, errors = np.array(counts).T
        scores = (means - soft_count(scale)(exact).sum()) / errors
        covered = np.abs(scores) < student.ppf(0.975, SIZES["num_probes"] - 1)
        assert covered.mean() >= 0.88  # 0.95 is stated; 50 keys
        assert np.median(np.abs(scores)) < 3
        assert means.std(ddof=1) == pytest.approx(np.sqrt((errors**2).mean()), rel=0.35)


def test_directions_found_one_by_one_leave_less_to_chance(network):
    product, _, point = network
    few, many = (
        probed_spectrum(product, point, key=KEY, **{**SIZES, "num_directions": count})
        for count in (1, 20)
    )
    assert many.trace(soft_count(1.0)).stderr < few.trace(soft_count(1.0)).stderr


def test_quadratic_forms_are_exact_with_as_many_nodes_as_dimensions():
    stream = KEY.child("forms").generator()
    noise = torch.randn(9, 9, generator=stream, dtype=torch.float64)
    matrix = noise + noise.T
    vectors = torch.randn(3, 9, generator=stream, dtype=torch.float64)
    values, axes = torch.linalg.eigh(matrix)
    found = lanczos_quadrature(lambda v: matrix @ v, vectors, 9)
    exact = ((vectors @ axes) ** 2 * torch.exp(values)).sum(1)
    np.testing.assert_allclose(found.forms(np.exp), exact.numpy(), rtol=1e-9)
    np.testing.assert_allclose(found.weights.sum(1), vectors.square().sum(1).numpy())


def test_a_spectrum_of_few_values_ends_early():
    matrix = torch.diag(torch.tensor([2.0, 2.0, 5.0, 5.0, 5.0], dtype=torch.float64))
    vector = torch.ones(1, 5, dtype=torch.float64)
    found = lanczos_quadrature(lambda v: matrix @ v, vector, 5)
    assert (found.weights[0] > 1e-9).sum() == 2
    assert found.forms(lambda h: h)[0] == pytest.approx(19)


def test_curvature_counts_as_in_the_expectation_of_a_quadratic_down_to_half_the_scale():
    curvature = np.array([1e9, 2.0, 0.0, -0.5, -1.0, -7.0])
    np.testing.assert_allclose(
        soft_count(2.0)(curvature), [0.5, 0.25, 0, -1 / 6, -0.5, -0.5], atol=1e-8
    )
    assert too_low(2.0)(curvature).tolist() == [0, 0, 0, 0, 0, 1]


def test_the_same_key_gives_the_same_probes(network):
    product, _, point = network
    one, two, other = (
        probed_spectrum(product, point, key=key, **SIZES).trace(lambda h: h).mean
        for key in (KEY, KEY, KEY.child("other"))
    )
    assert one == two != other
