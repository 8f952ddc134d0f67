"""Hessian products, diagonals and eigenpairs against exact ones of small models."""

import pytest
import torch

from stagewise.core.curvature import (
    hessian_diagonal,
    hessian_product,
    largest_eigenpairs,
)
from stagewise.core.replicas import ParameterLayout
from stagewise.core.seeding import StreamKey

KEY = StreamKey(4, ("curvature",))
LAYOUT = ParameterLayout(("a", "b"), ((5, 4), (4, 2)))
POINT = torch.randn(28, generator=KEY.child("point").generator(), dtype=torch.float64)
BATCH = (torch.randn(50, 5, generator=KEY.child("data").generator(), dtype=torch.float64),)


def small_loss(params, batch):
    return (torch.tanh(batch[0] @ params["a"]) @ params["b"]).square().mean()


def exact_hessian():
    gradient = torch.func.jacrev(lambda w: small_loss(LAYOUT.unflatten(w), BATCH))
    return torch.func.jacrev(gradient)(POINT)


def rotated(values, key=KEY):
    """Return a symmetric matrix with given eigenvalues along random directions."""
    noise = torch.randn(len(values), len(values), generator=key.generator(), dtype=torch.float64)
    axes, _ = torch.linalg.qr(noise)
    return axes @ torch.diag(values) @ axes.T


def test_product_is_that_of_the_exact_hessian():
    product, hessian = hessian_product(small_loss, LAYOUT, POINT, BATCH), exact_hessian()
    for vector in torch.eye(28, dtype=torch.float64):
        torch.testing.assert_close(product(vector), hessian @ vector)


def test_product_of_a_linear_loss_is_zero():
    layout = ParameterLayout(("w",), ((3,),))
    product = hessian_product(lambda p, b: p["w"].sum(), layout, torch.ones(3), ())
    assert product(torch.ones(3)).tolist() == [0, 0, 0]


def test_diagonal_within_the_error_of_its_probes():
    hessian, probes = exact_hessian(), 400
    product = hessian_product(small_loss, LAYOUT, POINT, BATCH)
    found = hessian_diagonal(product, POINT, probes, KEY)
    off = hessian - torch.diag(hessian.diagonal())
    stderr = off.square().sum(1).sqrt() / probes**0.5
    scores = (found - hessian.diagonal()) / stderr
    assert stderr.mean() < 0.2 * hessian.diagonal().abs().mean()
    assert scores.abs().max() < 4.5
    assert scores.square().mean().sqrt() > 0.3  # and the stated error is not too large


@pytest.mark.parametrize(("size", "basis"), [(28, None), (120, None), (120, 12)])
def test_eigenpairs(size, basis):
    """By the matrix in small spaces, by Lanczos iterations in larger ones."""
    values = torch.cat([torch.linspace(-1, 1, size - 4), torch.tensor([5.0, 8, 13, 21])]).double()
    matrix = rotated(values)
    found, directions = largest_eigenpairs(lambda v: matrix @ v, values, 4, KEY, 1e-6, basis)
    torch.testing.assert_close(found, torch.tensor([21.0, 13, 8, 5]).double(), rtol=1e-5, atol=0)
    torch.testing.assert_close(directions @ directions.T, torch.eye(4).double())
    torch.testing.assert_close(directions @ matrix, found[:, None] * directions, rtol=0, atol=1e-3)
    (top,), _ = largest_eigenpairs(lambda v: matrix @ v, values, 1, KEY, 0.1, basis=8)
    assert 18.9 < top < 21.001
