"""What samplers share: chains that step side by side, the loop over steps, and the record of it.

A sampler is a kernel: `init` gives the state of some chains, `step` takes a state to the next and says
what the chains saw on the way. Everything else, from burn-in to the traces, is here once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from stagewise.llc.minibatches import Minibatch

State = TypeVar("State")


@dataclass(frozen=True)
class Visit:
    """What chains saw at one step.

    Parameters
    ----------
    loss : Tensor, shape (chain,)
        L_m or L_n where the chains are.
    offset : Tensor, shape (chain, num_parameters)
        w - w* there.
    minibatch : Minibatch, optional
        On which the loss was measured; without it, on all samples.
    statistics : mapping of str to Tensor, each of shape (chain,)
        What else the sampler says of the step, by name.
    """

    loss: Tensor
    offset: Tensor
    minibatch: Minibatch | None = None
    statistics: Mapping[str, Tensor] = field(default_factory=dict)


class Kernel(Protocol[State]):
    """One way to sample a posterior."""

    def init(self, chains: range) -> State:
        """Return the state of some chains, by their numbers, before the first step."""

    def step(self, state: State, number: int) -> tuple[State, Visit]:
        """Return the state after step `number` and what was seen at it; uses up the state."""


@dataclass(frozen=True)
class Trace:
    """What the chains saw.

    Parameters
    ----------
    burnin_loss : Tensor, shape (num_chains, num_burnin)
        Loss at every step of the burn-in.
    loss : Tensor, shape (num_chains, num_draws)
        Loss at every draw.
    baseline : Tensor, shape (num_chains, num_draws), or None
        Loss at w* on the same minibatch as each draw, if draws are paired.
    displacement : Tensor, shape (num_chains, num_draws)
        |w_t - w*|, Euclidean.
    statistics : mapping of str to Tensor, each of shape (num_chains, num_draws)
        What else the sampler said of each draw.
    """

    burnin_loss: Tensor
    loss: Tensor
    baseline: Tensor | None
    displacement: Tensor
    statistics: Mapping[str, Tensor] = field(default_factory=dict)


def run(
    kernel: Kernel[State],
    chains: range,
    *,
    num_burnin: int,
    num_draws: int,
    steps_per_draw: int = 1,
    baseline: Callable[[Minibatch], Tensor] | None = None,
) -> tuple[Trace, State]:
    """Run some chains side by side from their start to the last draw.

    Parameters
    ----------
    kernel : Kernel
    chains : range
        Numbers of the chains.
    num_burnin : int
        Steps before the first draw counts.
    num_draws, steps_per_draw : int
        Draws, and steps from one to the next.
    baseline : callable, optional
        Gives each draw's minibatch its loss at w*, shape (chain,).

    Returns
    -------
    Trace
        On the CPU.
    State
        Where the chains are at the end.
    """
    state = kernel.init(chains)
    burnin, draws, baselines = [], [], []
    for number in range(num_burnin + num_draws * steps_per_draw):
        state, visit = kernel.step(state, number)
        if number < num_burnin:
            burnin.append(visit.loss)
        elif (number - num_burnin + 1) % steps_per_draw == 0:
            draws.append((visit.loss, visit.offset.norm(dim=1), visit.statistics))
            if baseline is not None and visit.minibatch is not None:
                baselines.append(baseline(visit.minibatch))
    losses, displacements, statistics = zip(*draws, strict=True)
    trace = Trace(
        _columns(burnin) if burnin else losses[0].new_empty(len(chains), 0).cpu(),
        _columns(losses),
        _columns(baselines) if baselines else None,
        _columns(displacements),
        {name: _columns([one[name] for one in statistics]) for name in statistics[0]},
    )
    return trace, state


def _columns(values: Sequence[Tensor]) -> Tensor:
    return torch.stack(tuple(values), dim=1).cpu()


def joined(traces: Sequence[Trace]) -> Trace:
    """Put the traces of groups of chains under each other."""
    paired = [trace.baseline for trace in traces if trace.baseline is not None]
    return Trace(
        torch.cat([trace.burnin_loss for trace in traces]),
        torch.cat([trace.loss for trace in traces]),
        torch.cat(paired) if paired else None,
        torch.cat([trace.displacement for trace in traces]),
        {
            name: torch.cat([trace.statistics[name] for trace in traces])
            for name in traces[0].statistics
        },
    )
