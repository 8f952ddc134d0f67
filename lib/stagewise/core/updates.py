"""Updates of stacked parameters, with a learning rate and a weight decay for each replica.

They are those of torch's optimisers of the same names, written out: replicas share a tensor and
differ in their rates, and a job of seconds need not load the compiler that torch's bring along.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stagewise.core.settings import OptimiserSettings

Numbers = Tensor | float
"""A number for each replica, float64, along the first axis of the vectors, or one for all."""


def numbers_of(values: Sequence[float], vectors: Tensor) -> Numbers:
    """Return a number for each replica; one for all, which costs less, if they are equal."""
    if len(set(values)) == 1:
        return values[0]
    numbers = torch.tensor(values, dtype=torch.float64, device=vectors.device)
    return numbers.reshape(-1, *(1 for _ in vectors.shape[1:]))


def part_of(numbers: Numbers, where: slice) -> Numbers:
    """Return the numbers of some replicas."""
    return numbers[where] if isinstance(numbers, Tensor) else numbers


class Update:
    """The update of an optimiser.

    Parameters
    ----------
    settings : OptimiserSettings

    Attributes
    ----------
    moments : tuple of str
        Names of its memory, tensors of the shape of the vectors that begin as zero.
    """

    def __init__(self, settings: OptimiserSettings) -> None:
        self.settings = settings
        self.moments: tuple[str, ...] = ("first_moment", "second_moment")
        if settings.name == "sgd":
            self.moments = ("momentum",) if settings.momentum else ()

    def __call__(
        self,
        vectors: Tensor,
        gradients: Tensor,
        moments: Sequence[Tensor],
        number: int,
        rates: Numbers,
        decays: Numbers,
    ) -> None:
        """Make update `number`, from 1: change vectors and moments in place, overwrite the gradients.

        Parameters
        ----------
        vectors, gradients : Tensor, shape (replica, ...)
        moments : sequence of Tensor, each of shape (replica, ...)
        number : int
        rates, decays : Tensor, shape (replica, 1, ...), or float
            Learning rates and weight decays. With "adamw" the weights shrink by the product of the two
            (Loshchilov & Hutter 2019, algorithm 2); otherwise the decay is the coefficient of the
            weights in the gradient.
        """
        if isinstance(decays, Tensor) or decays != 0:
            if self.settings.name == "adamw":
                vectors.mul_(_rounded(1 - rates * decays, vectors))
            else:
                gradients.addcmul_(_like(decays, vectors), vectors)
        if self.settings.name == "sgd":
            for momentum in moments:
                gradients = momentum.mul_(self.settings.momentum).add_(gradients)
            vectors.addcmul_(_like(rates, vectors), gradients, value=-1)
            return
        pace = _rounded(rates / (1 - self.settings.betas[0] ** number), vectors)
        self.adam(vectors, gradients, moments, pace, 1 - self.settings.betas[1] ** number)

    def adam(
        self,
        vectors: Tensor,
        gradients: Tensor,
        moments: Sequence[Tensor],
        pace: Numbers,
        correction: Numbers,
    ) -> None:
        """Make Adam's update (Kingma & Ba 2015, algorithm 1), whatever its number.

        Parameters
        ----------
        vectors, gradients, moments
            As for a call.
        pace, correction : Tensor or float
            Learning rate over 1 - beta1^number, and 1 - beta2^number.
        """
        first, second = moments
        beta1, beta2 = self.settings.betas
        first.lerp_(gradients, 1 - beta1)
        second.mul_(beta2).addcmul_(gradients, gradients, value=1 - beta2)
        scale = torch.div(second, correction, out=gradients).sqrt_()
        scale.add_(self.settings.epsilon)
        if isinstance(pace, Tensor):
            vectors.addcdiv_(first * pace, scale, value=-1)
        else:
            vectors.addcdiv_(first, scale, value=-pace)


def _rounded(numbers: Numbers, vectors: Tensor) -> Numbers:
    """Return numbers in the precision of the vectors, which take plain ones as they are."""
    return numbers.to(vectors.dtype) if isinstance(numbers, Tensor) else numbers


def _like(numbers: Numbers, vectors: Tensor) -> Tensor:
    return torch.as_tensor(numbers, dtype=vectors.dtype, device=vectors.device)
