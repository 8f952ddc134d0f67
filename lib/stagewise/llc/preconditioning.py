"""Step sizes for every direction: a fixed matrix P that stands in for the posterior's covariance.

Chains with the update

    w <- w - (epsilon / 2) P ( n_beta grad L + gamma (w - w*) ) + sqrt(epsilon) P^(1/2) N(0, I)

sample the same posterior whatever the fixed, positive definite P (Roberts and Stramer 2002). What
changes is how fast: without P the stiffest direction bounds epsilon and the flattest ones take
2 / (epsilon gamma) steps to forget where they began. With P near the posterior's covariance
(n_beta H + gamma)^(-1) all directions relax alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.curvature import (
    HessianProduct,
    hessian_diagonal,
    largest_eigenpairs,
)
from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey
from stagewise.llc.posterior import Posterior

CURVATURE_SAMPLES = 128
"""Samples on which curvature is measured: P need not be exact, and a product costs as much as steps."""

NUM_PROBES = 16
"""Random probes behind a Hessian diagonal; spaces of fewer dimensions than `EXACT_BELOW` need none."""

NUM_TRACE_PROBES = 8
"""Probes where the trace alone is needed."""

EXACT_BELOW = 200

RANK = 16
"""Directions that "lanczos" treats one by one."""


@dataclass(frozen=True)
class Curvature:
    """What was measured of the Hessian at w*; it holds for every n_beta and gamma.

    Parameters
    ----------
    diagonal : Tensor, shape (num_parameters,)
        Along the parameters' axes; constant where there are directions.
    directions : Tensor, shape (rank, num_parameters)
        Orthonormal.
    values : Tensor, shape (rank,)
        Along the directions.
    """

    diagonal: Tensor
    directions: Tensor
    values: Tensor


@dataclass(frozen=True)
class Preconditioner:
    """The matrix P = diag(variance), with other variances along some orthonormal directions.

    Parameters
    ----------
    variance : Tensor, shape (num_parameters,)
        Along the parameters' axes; constant where there are directions.
    directions : Tensor, shape (rank, num_parameters)
    direction_variance : Tensor, shape (rank,)
    """

    variance: Tensor
    directions: Tensor
    direction_variance: Tensor

    def apply(self, vectors: Tensor, power: float = 1.0) -> Tensor:
        """Return P^power times vectors, shape (..., num_parameters)."""
        result = self.variance**power * vectors
        if len(self.directions):
            extra = self.direction_variance**power - self.variance[0] ** power
            result = result + ((vectors @ self.directions.T) * extra) @ self.directions
        return result

    def scaled(self, factor: float) -> Preconditioner:
        """Return P times a factor."""
        return Preconditioner(
            factor * self.variance, self.directions, factor * self.direction_variance
        )


def curvature_samples(data: Batch, key: StreamKey) -> Batch:
    """Return the samples on which curvature is measured: at random, for data may be sorted."""
    rows = torch.randperm(len(data[0]), generator=key.child("rows").generator())
    return tuple(part[rows[:CURVATURE_SAMPLES].to(part.device)] for part in data)


def covariance_estimate(
    kind: str,
    posterior: Posterior,
    batch: Batch,
    key: StreamKey,
    chunk: int | None = None,
    known: dict[str, Curvature] | None = None,
) -> Preconditioner:
    """Estimate (n_beta H + gamma)^(-1), with H the positive part of the Hessian at w*.

    Parameters
    ----------
    kind : {"scalar", "gradient", "hessian", "lanczos"}
        See `KINDS`.
    posterior : Posterior
        With gamma greater than 0.
    batch : tuple of Tensor
        Samples on which curvature is measured.
    key : StreamKey
        Names probes and starting vectors.
    chunk : int, optional
        Samples differentiated at a time; all without it.
    known : dict of str to Curvature, optional
        By kind: what is in it is not measured again, and what is measured is put into it. For
        posteriors of one loss at one w*, with the same samples and key.
    """
    if kind == "scalar":
        none = posterior.centre.new_empty((0, posterior.num_parameters))
        return Preconditioner(torch.ones_like(posterior.centre), none, none[:, 0])
    known = {} if known is None else known
    if kind not in known:
        known[kind] = measured_curvature(kind, posterior, batch, key, chunk)
    found, variance = known[kind], posterior.variance
    return Preconditioner(variance(found.diagonal), found.directions, variance(found.values))


def measured_curvature(
    kind: str, posterior: Posterior, batch: Batch, key: StreamKey, chunk: int | None = None
) -> Curvature:
    """Measure the Hessian at w* as a kind of `covariance_estimate` needs it; it reads no gamma."""
    centre = posterior.centre
    product = posterior.hessian_product(batch, chunk)
    none = centre.new_empty((0, len(centre))), centre.new_empty(0)
    diagonal = _diagonal(
        product, centre, NUM_PROBES if kind == "hessian" else NUM_TRACE_PROBES, key
    )
    if kind == "hessian":
        return Curvature(diagonal, *none)
    trace = diagonal.sum().clamp(min=0)
    if kind == "gradient":
        squares = gradient_squares(posterior, batch, chunk)
        # Squares have another unit than curvature: they tell the directions apart, no more.
        return Curvature(squares * trace / squares.sum().clamp(min=1e-30), *none)
    values, directions = largest_eigenpairs(
        product, centre, min(RANK, len(centre) // 2), key.child("lanczos"), tolerance=0.1
    )
    spare = len(centre) - len(values)
    rest = (trace - values.clamp(min=0).sum()) / max(spare, 1)
    return Curvature(rest.expand(len(centre)).clone(), directions, values)


def normalised(
    preconditioner: Preconditioner,
    posterior: Posterior,
    batch: Batch,
    key: StreamKey,
    chunk: int | None = None,
) -> Preconditioner:
    """Scale P so that the stiffest direction has unit rate: P^(1/2) (n_beta H + gamma) P^(1/2) <= 1.

    Then epsilon means the same for every P and every loss: chains are stable below 4, the stiffest
    direction's variance is wrong by the share epsilon / 4, and it relaxes in 2 / epsilon steps.
    """
    n_beta, gamma = posterior.n_beta, posterior.localization
    product = posterior.hessian_product(batch, chunk)

    def rate(vector: Tensor) -> Tensor:
        inner = preconditioner.apply(vector, 0.5)
        return preconditioner.apply(n_beta * product(inner) + gamma * inner, 0.5)

    (top,), _ = largest_eigenpairs(
        rate, posterior.centre, 1, key.child("top"), tolerance=0.1, basis=8
    )
    return preconditioner.scaled(1 / top.clamp(min=gamma * 1e-6).item())


def _diagonal(product: HessianProduct, centre: Tensor, num_probes: int, key: StreamKey) -> Tensor:
    """Return the Hessian's diagonal, exact in small spaces."""
    if len(centre) < EXACT_BELOW:
        axes = torch.eye(len(centre), dtype=centre.dtype, device=centre.device)
        return torch.stack([product(axis)[index] for index, axis in enumerate(axes)])
    return hessian_diagonal(product, centre, num_probes, key.child("probes"))


def gradient_squares(posterior: Posterior, batch: Batch, chunk: int | None = None) -> Tensor:
    """Return the mean over samples of the squared gradient of each sample's loss, one a parameter."""

    def squared(*sample: Tensor) -> Tensor:
        single = tuple(part[None] for part in sample)

        def loss(w: Tensor) -> Tensor:
            return posterior.loss_fn(posterior.layout.unflatten(w), single)

        return torch.func.grad(loss)(posterior.centre).square()

    count, total = len(batch[0]), torch.zeros_like(posterior.centre)
    together = 1 if posterior.serial else chunk or count
    for first in range(0, count, together):
        samples = tuple(part[first : first + together] for part in batch)
        if posterior.serial:
            centre = posterior.centre[None]
            _, (gradient,) = posterior.losses_and_gradients(centre, tuple(p[None] for p in samples))
            total += gradient.square()
        else:
            total += torch.func.vmap(squared)(*samples).sum(0)
    return total / count
