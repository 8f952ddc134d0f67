"""Descent of many networks at once: stacked parameters, their gradients and the optimiser's memory.

Networks that share shapes, optimiser and number of updates are replicas: rows of one tensor, each with
its own loss, learning rate and decay. A single network is one replica.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from stagewise.core.settings import OptimiserSettings
from stagewise.core.updates import Numbers, Update, part_of

GradientFunction = Callable[[int], tuple[Tensor, Tensor]]
"""From a step to losses, shape (replica,), and new gradients, shape (replica, parameter)."""


class Descent:
    """Replicas between two updates.

    Parameters
    ----------
    vectors : Tensor, shape (replica, parameter)
        Where the descent begins; updates change them in place.
    groups : sequence of (slice, GradientFunction)
        Replicas that are computed together, in order, and what gives the gradients at their vectors.
        No effect on the result but for rounding.
    settings : OptimiserSettings
    rates_at : callable
        ``rates_at(step)``: learning rates of the update from `step` to `step` + 1, of shape (replica, 1)
        or one number for all.
    decays : Tensor, shape (replica, 1), or float
        Weight decays.
    refuse : callable, optional
        ``refuse(step, loss)`` raises at a loss that is not finite. Without it the replica is marked with
        that step and leaves the others alone.
    """

    def __init__(
        self,
        vectors: Tensor,
        groups: Sequence[tuple[slice, GradientFunction]],
        settings: OptimiserSettings,
        rates_at: Callable[[int], Numbers],
        decays: Numbers = 0.0,
        refuse: Callable[[int, float], None] | None = None,
    ) -> None:
        self.vectors, self.rates_at, self.refuse = vectors, rates_at, refuse
        self.update = Update(settings)
        self.moments = {name: torch.zeros_like(vectors) for name in self.update.moments}
        self.diverged_step = torch.full((len(vectors),), -1, device=vectors.device)
        self._groups = [
            (
                where,
                gradients_at,
                vectors[where],
                [values[where] for values in self.moments.values()],
                part_of(decays, where),
            )
            for where, gradients_at in groups
        ]

    @property
    def alive(self) -> Tensor:
        """Which replicas have not diverged, shape (replica,)."""
        return self.diverged_step < 0

    @property
    def state(self) -> dict[str, Tensor]:
        """All that changes on the way, by name."""
        own = {"vectors": self.vectors, "diverged_step": self.diverged_step}
        return own | self.moments

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take over a state."""
        for name, own in self.state.items():
            own.copy_(state[name])

    def advance(self, step: int) -> Tensor:
        """Make the update from a step to the next and return the losses before it, shape (replica,)."""
        rates = self.rates_at(step)
        found = []
        for where, gradients_at, vectors, moments, decays in self._groups:
            losses, gradients = gradients_at(step)
            self.update(vectors, gradients, moments, step + 1, part_of(rates, where), decays)
            found.append(losses)
        losses = torch.cat(found)
        self.mark(step, losses)
        return losses

    def advance_to(self, step: int, stop: int) -> Tensor | None:
        """Make the updates from a step to another while a replica lives; return the last losses."""
        losses = None
        for number in range(step, stop):
            if not self.alive.any():
                break
            losses = self.advance(number)
        return losses

    def mark(self, step: int, losses: Tensor) -> None:
        """Mark those replicas as diverged at a step whose loss is not finite for the first time."""
        lost = ~losses.isfinite() & self.alive
        if not lost.any():
            return
        if self.refuse:
            self.refuse(step, losses[lost][0].item())
        self.diverged_step[lost] = step
        self.vectors[lost] = torch.nan  # from which no update leads back
