"""Traces of functions of a Hessian, by stochastic Lanczos quadrature, with their standard errors.

For a random vector z of independent signs, E[z' f(H) z] = tr f(H) (Hutchinson). The quadratic form of
one z is an integral over H's spectrum, of which a few Lanczos steps from z give a Gauss quadrature:
nodes theta_k and weights tau_k with z' f(H) z = sum_k tau_k f(theta_k), whatever f (Ubaru, Chen and
Saad 2017, SIAM Journal on Matrix Analysis and Applications 38, 1075-1099). So one set of products
serves the trace, the soft count at every scale, and any other function.

The stiffest directions, which would dominate the spread of probes, are found first and treated one by
one; probes see what is orthogonal to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from stagewise.core.curvature import HessianProduct, largest_eigenpairs
from stagewise.core.seeding import StreamKey

Function = Callable[[np.ndarray], np.ndarray]

BREAKDOWN = 1e-6
"""A Lanczos step whose remainder is below this share of the largest one so far adds only rounding."""


class Estimated(NamedTuple):
    """A mean over probes and its standard error; NaN for a single probe."""

    mean: float
    stderr: float


@dataclass(frozen=True)
class Quadrature:
    """Gauss quadratures of quadratic forms v' f(H) v, one a vector.

    Parameters
    ----------
    nodes, weights : ndarray, shape (vector, node)
        Weights sum to |v|^2; unused ones are 0.
    """

    nodes: np.ndarray
    weights: np.ndarray

    def forms(self, function: Function) -> np.ndarray:
        """Return v' f(H) v of every vector, shape (vector,)."""
        return (self.weights * function(self.nodes)).sum(axis=1)


@dataclass(frozen=True)
class Spectrum:
    """What is known of a Hessian's spectrum.

    Parameters
    ----------
    values : Tensor, shape (direction,), descending
        The largest eigenvalues.
    directions : Tensor, shape (direction, num_parameters)
        Their eigenvectors.
    rest : Quadrature
        Of random probes orthogonal to these.
    """

    values: Tensor
    directions: Tensor
    rest: Quadrature

    def trace(self, function: Function) -> Estimated:
        """Return tr f(H), with the standard error over probes."""
        forms = self.rest.forms(function)
        known = float(function(self.values.numpy(force=True).astype(float)).sum())
        error = forms.std(ddof=1) / np.sqrt(len(forms)) if len(forms) > 1 else np.nan
        return Estimated(known + float(forms.mean()), float(error))


def soft_count(scale: float) -> Function:
    """Return f with tr f(H) the expectation of n_beta (L - L(w*)) in a quadratic loss: h / 2 (h + s).

    Parameters
    ----------
    scale : float
        s = gamma / n_beta, the curvature at which the pull to w* is as strong as the loss.

    Notes
    -----
    A direction counts one half where its curvature is far above s, and nearly nothing far below.
    Negative curvature counts as the expectation has it, negatively, as long as the pull outweighs it:
    down to h = -s / 2, where it is -1/2. Below it is held there, for at -s the expectation ends:
    `too_low` counts such directions. Clipping at 0 is no way out: it would need the bulk of the
    spectrum around 0 resolved, of which a few Lanczos steps know the mean alone.
    """

    def function(curvature: np.ndarray) -> np.ndarray:
        held = np.maximum(curvature, -scale / 2)
        return held / (2 * (held + scale))

    return function


def too_low(scale: float) -> Function:
    """Return f with tr f(H) the number of directions that `soft_count` holds at -1/2."""
    return lambda curvature: (curvature < -scale / 2).astype(float)


def probed_spectrum(
    product: HessianProduct,
    like: Tensor,
    *,
    num_directions: int,
    num_probes: int,
    num_steps: int,
    key: StreamKey,
    tolerance: float = 1e-2,
) -> Spectrum:
    """Measure the spectrum of a Hessian.

    Parameters
    ----------
    product : callable
        Result of `core.curvature.hessian_product`, or any other symmetric linear map.
    like : Tensor, shape (num_parameters,)
        Gives device and type.
    num_directions : int
        Largest eigenvalues that are found one by one; at most half of the parameters are.
    num_probes : int
        Random vectors whose spread gives the errors.
    num_steps : int
        Lanczos steps of each, and so the nodes of its quadrature.
    key : StreamKey
        Names probes and starting vectors.
    tolerance : float
        Relative accuracy of the eigenvalues found one by one.
    """
    count = min(num_directions, len(like) // 2)
    values, directions = largest_eigenpairs(product, like, count, key.child("top"), tolerance)
    generator = key.child("probes").generator(like.device)
    shape = (num_probes, len(like))
    signs = torch.randint(2, shape, generator=generator, device=like.device)
    probes = (2 * signs - 1).to(like.dtype)
    return Spectrum(values, directions, lanczos_quadrature(product, probes, num_steps, directions))


def lanczos_quadrature(
    product: HessianProduct, vectors: Tensor, num_steps: int, orthogonal_to: Tensor | None = None
) -> Quadrature:
    """Return the quadrature of each vector by Lanczos steps, with full reorthogonalisation.

    Parameters
    ----------
    product : callable
        The symmetric linear map v -> H v.
    vectors : Tensor, shape (vector, num_parameters)
    num_steps : int
        Products a vector; the quadrature is exact for polynomials of degree 2 num_steps - 1.
    orthogonal_to : Tensor, shape (direction, num_parameters), optional
        Orthonormal directions that are taken out of the vectors and out of H.
    """
    nodes = np.zeros((len(vectors), num_steps))
    weights = np.zeros_like(nodes)
    for row, vector in enumerate(vectors):
        found = _nodes_of(product, vector, num_steps, orthogonal_to)
        nodes[row, : len(found[0])], weights[row, : len(found[0])] = found
    return Quadrature(nodes, weights)


def _nodes_of(
    product: HessianProduct, vector: Tensor, num_steps: int, orthogonal_to: Tensor | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights of one vector."""
    basis = vector.new_empty(0, len(vector)) if orthogonal_to is None else orthogonal_to
    outside = len(basis)
    remainder = _without(vector, basis)
    square = remainder.double().square().sum().item()
    if square == 0:
        return np.zeros(1), np.zeros(1)
    diagonal: list[float] = []
    off = [float(np.sqrt(square))]
    while len(diagonal) < min(num_steps, len(vector) - outside):
        basis = torch.cat([basis, (remainder / off[-1])[None]])
        image = product(basis[-1])
        diagonal.append(torch.dot(basis[-1].double(), image.double()).item())
        remainder = _without(image, basis)
        off.append(remainder.double().norm().item())
        if off[-1] <= BREAKDOWN * max(*map(abs, diagonal), *off[1:]):
            break
    matrix = (
        np.diag(diagonal) + np.diag(off[1 : len(diagonal)], 1) + np.diag(off[1 : len(diagonal)], -1)
    )
    nodes, vectors = np.linalg.eigh(matrix)
    return nodes, square * vectors[0] ** 2


def _without(vector: Tensor, basis: Tensor) -> Tensor:
    """Return a vector without its parts along orthonormal directions; twice, for rounding's sake."""
    for _ in range(2):
        vector = vector - (basis @ vector) @ basis
    return vector
