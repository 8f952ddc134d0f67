"""Curvature of a loss at a point: Hessian-vector products, and what is made of them.

Nothing here forms the Hessian: its diagonal and trace come from random probes (Hutchinson), its
largest eigenvalues from Lanczos iterations, both on products H v of one batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from stagewise.core.replicas import Batch, LossFunction, ParameterLayout
from stagewise.core.seeding import StreamKey

HessianProduct = Callable[[Tensor], Tensor]


def hessian_product(
    loss_fn: LossFunction,
    layout: ParameterLayout,
    point: Tensor,
    batch: Batch,
    chunk: int | None = None,
) -> HessianProduct:
    """Return the function v -> H v, with H the Hessian of a batch's loss at a point.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``, the mean over samples.
    layout : ParameterLayout
    point : Tensor, shape (num_parameters,)
    batch : tuple of Tensor
    chunk : int, optional
        Samples differentiated at a time, which bounds the memory; all without it.

    Returns
    -------
    callable
        Takes and returns a vector, shape (num_parameters,). Of a single chunk the gradient's graph is
        built once and used for every product; several are built anew, for their graphs are what memory
        holds.
    """
    count = len(batch[0]) if batch else 1
    if chunk is None or chunk >= count:
        return _product_of_graph(loss_fn, layout, point, batch)
    chunks = [
        tuple(part[first : first + chunk] for part in batch) for first in range(0, count, chunk)
    ]

    def product(vector: Tensor) -> Tensor:
        total = torch.zeros_like(vector)
        for part in chunks:
            total += _product_of_graph(loss_fn, layout, point, part)(vector) * (
                len(part[0]) / count
            )
        return total

    return product


def _product_of_graph(
    loss_fn: LossFunction, layout: ParameterLayout, point: Tensor, batch: Batch
) -> HessianProduct:
    leaf = point.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(
        loss_fn(layout.unflatten(leaf), batch), leaf, create_graph=True
    )

    def product(vector: Tensor) -> Tensor:
        if not gradient.requires_grad:  # a loss that is linear in the parameters
            return torch.zeros_like(vector)
        (result,) = torch.autograd.grad(
            gradient, leaf, vector, retain_graph=True, materialize_grads=True
        )
        return result

    return product


def hessian_diagonal(
    product: HessianProduct, like: Tensor, num_probes: int, key: StreamKey
) -> Tensor:
    """Estimate the diagonal of the Hessian, shape (num_parameters,); its sum estimates the trace.

    Parameters
    ----------
    product : callable
        Result of `hessian_product`.
    like : Tensor, shape (num_parameters,)
        Gives device and type.
    num_probes : int
        Probes z of random signs; the estimate is the mean of z * H z. The error of an entry is the
        root of the sum of squares of the rest of its row, over sqrt(num_probes).
    key : StreamKey
        Names the probes.
    """
    generator = key.generator(like.device)
    total = torch.zeros_like(like)
    for _ in range(num_probes):
        signs = torch.randint(2, like.shape, generator=generator, device=like.device)
        probe = (2 * signs - 1).to(like.dtype)
        total += probe * product(probe)
    return total / num_probes


def largest_eigenpairs(
    product: HessianProduct,
    like: Tensor,
    count: int,
    key: StreamKey,
    tolerance: float = 1e-3,
    basis: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the algebraically largest eigenvalues of the Hessian and their directions.

    Parameters
    ----------
    product : callable
        Result of `hessian_product`, or any other symmetric linear map.
    like : Tensor, shape (num_parameters,)
        Gives device and type.
    count : int
        At most num_parameters.
    key : StreamKey
        Names the vector at which Lanczos iterations begin.
    tolerance : float
        Relative accuracy of the eigenvalues.
    basis : int, optional
        Lanczos vectors between restarts, and so about the least number of products; more than `count`.
        Few are enough where `tolerance` is loose. By default 2 count + 1, at least 20.

    Returns
    -------
    values : Tensor, shape (count,), descending
    directions : Tensor, shape (count, num_parameters), orthonormal
    """
    size = len(like)

    def on_arrays(array: np.ndarray) -> np.ndarray:
        vector = torch.from_numpy(np.ascontiguousarray(array).ravel()).to(like)
        return product(vector).numpy(force=True).astype(np.float64)

    if size <= max(3 * count, 32):  # too small for Lanczos iterations; the matrix itself is at hand
        matrix = np.array([on_arrays(axis) for axis in np.eye(size)])
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    else:
        start = torch.randn(size, generator=key.generator(), dtype=torch.float64).numpy()
        operator = LinearOperator((size, size), matvec=on_arrays, dtype=np.float64)
        values, vectors = eigsh(operator, k=count, which="LA", v0=start, ncv=basis, tol=tolerance)
    order = np.argsort(values)[::-1][:count]
    return (
        torch.from_numpy(values[order]).to(like),
        torch.from_numpy(np.ascontiguousarray(vectors.T[order])).to(like),
    )
