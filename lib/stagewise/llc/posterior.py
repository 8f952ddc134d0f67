"""The density around a checkpoint that every sampler samples, and the local geometry of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.curvature import HessianProduct, hessian_product
from stagewise.core.replicas import (
    Batch,
    LossFunction,
    ParameterLayout,
    Params,
    stacked_losses_and_gradients,
)


def watanabe_n_beta(num_samples: int) -> float:
    """Return n / log(n), the n_beta of the temperature 1 / log(n) (Watanabe 2013)."""
    return num_samples / math.log(num_samples)


@dataclass(frozen=True)
class Posterior:
    """The localised tempered posterior of a loss around w* (Lau et al. 2023).

        p(w | w*, n_beta, gamma)  ~  exp( -n_beta (L_n(w) - L_n(w*)) - (gamma / 2) |w - w*|^2 )

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch) -> scalar``.
    layout : ParameterLayout
    centre : Tensor, shape (num_parameters,)
        w*.
    n_beta : float
        Inverse temperature times number of samples.
    localization : float
        gamma, strength of the pull towards w*.
    serial : bool
        Whether chains are evaluated one after the other, where the loss cannot be stacked.
    """

    loss_fn: LossFunction
    layout: ParameterLayout
    centre: Tensor
    n_beta: float
    localization: float
    serial: bool = False

    @classmethod
    def around(
        cls,
        params: Mapping[str, Tensor],
        loss_fn: LossFunction,
        n_beta: float,
        localization: float,
    ) -> Posterior:
        """Return the posterior around named parameters."""
        layout = ParameterLayout.of(params)
        centre = layout.flatten({name: value.detach() for name, value in params.items()})
        return cls(loss_fn, layout, centre, n_beta, localization)

    @property
    def num_parameters(self) -> int:
        """Dimension d of the parameter space."""
        return self.layout.num_parameters

    @property
    def params(self) -> Params:
        """w* as named parameters."""
        return self.layout.unflatten(self.centre)

    def losses_and_gradients(self, positions: Tensor, batches: Batch) -> tuple[Tensor, Tensor]:
        """Return each chain's loss on its own batch, shape (chain,), and the loss's gradient."""
        around = self.loss_fn, self.layout
        if not self.serial:
            return stacked_losses_and_gradients(*around, positions, batches)
        ones = [
            stacked_losses_and_gradients(
                *around, positions[row, None], tuple(part[row, None] for part in batches)
            )
            for row in range(len(positions))
        ]
        losses, gradients = zip(*ones, strict=True)
        return torch.cat(losses), torch.cat(gradients)

    def force(self, gradients: Tensor, offset: Tensor) -> Tensor:
        """Return the gradient of -log p, given those of the losses and w - w*; uses up `gradients`."""
        return gradients.mul_(self.n_beta).add_(offset, alpha=self.localization)

    def hessian_product(self, batch: Batch, chunk: int | None = None) -> HessianProduct:
        """Return the function v -> H v, with H the Hessian of a batch's loss at w*."""
        return hessian_product(self.loss_fn, self.layout, self.centre, batch, chunk)

    def variance(self, curvature: Tensor) -> Tensor:
        """Return the variance 1 / (n_beta h + gamma) along directions of curvature h, at least 0."""
        return 1 / (self.n_beta * curvature.clamp(min=0) + self.localization)
