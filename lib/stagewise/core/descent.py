"""Descent of many networks at once: stacked parameters, their gradients and the optimiser's memory.

Networks that share shapes, optimiser and number of updates are replicas: rows of one tensor, each with
its own loss, learning rate and decay. A single network is one replica.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from stagewise.core.settings import OptimiserSettings
from stagewise.core.updates import Numbers, part_of, update_rule

GradientFunction = Callable[[Tensor, int], tuple[Tensor, Tensor]]
"""From vectors (replica, parameter) and a step to losses (replica,) and gradients of its own making."""


class Descent:
    """Replicas between two updates.

    Parameters
    ----------
    initial : Tensor, shape (replica, parameter)
    groups : sequence of (slice, GradientFunction)
        Replicas that are computed together, in order; no effect on the result but for rounding.
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
        initial: Tensor,
        groups: Sequence[tuple[slice, GradientFunction]],
        settings: OptimiserSettings,
        rates_at: Callable[[int], Numbers],
        decays: Numbers = 0.0,
        refuse: Callable[[int, float], None] | None = None,
    ) -> None:
        self.vectors = initial.clone()
        self.groups, self.rates_at, self.decays, self.refuse = groups, rates_at, decays, refuse
        self.update = update_rule(settings)
        self.moments = {name: torch.zeros_like(initial) for name in self.update.moments}
        self.diverged_step = torch.full((len(initial),), -1, device=initial.device)

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
        for where, gradients_at in self.groups:
            vectors = self.vectors[where]
            losses, gradients = gradients_at(vectors, step)
            moments = [values[where] for values in self.moments.values()]
            numbers = part_of(rates, where), part_of(self.decays, where)
            self.update(vectors, gradients, moments, step + 1, *numbers)
            found.append(losses)
        losses = torch.cat(found)
        self.mark(step, losses)
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
