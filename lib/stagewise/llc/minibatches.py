"""Minibatches of stacked chains, and the loss at one parameter vector on each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.replicas import Batch, sample_losses
from stagewise.core.seeding import StreamKey
from stagewise.llc.posterior import Posterior

BatchSource = Batch | Callable[[StreamKey], Batch]
"""Samples along the leading axis, or a function from a stream's name to a generated batch."""


@dataclass(frozen=True)
class Minibatch:
    """Every chain's samples at one step.

    Parameters
    ----------
    samples : tuple of Tensor, each of shape (chain, batch_size, ...)
    rows : Tensor, shape (chain, batch_size), or None
        Where they are in the data; None if they were generated.
    """

    samples: Batch
    rows: Tensor | None


def minibatches(
    source: BatchSource, chains: Sequence[int], batch_size: int, key: StreamKey
) -> Callable[[int], Minibatch]:
    """Return a function from the step to the minibatches, to be called once a step and in order.

    Parameters
    ----------
    source : tuple of Tensor or callable
        Samples are drawn from a tuple with replacement.
    chains : sequence of int
        Numbers of the chains.
    batch_size : int
        Not used when batches are generated.
    key : StreamKey
        A chain's minibatches are functions of the key, the chain and the step alone.
    """
    if callable(source):
        generate = source

        def generated(step: int) -> Minibatch:
            parts = [generate(key.child("batch", chain, step)) for chain in chains]
            return Minibatch(tuple(torch.stack(same) for same in zip(*parts, strict=True)), None)

        return generated

    data = source
    streams = [key.child("batch", chain).generator() for chain in chains]

    def drawn(step: int) -> Minibatch:
        choices = [torch.randint(len(data[0]), (batch_size,), generator=s) for s in streams]
        rows = torch.stack(choices).to(data[0].device)
        return Minibatch(tuple(part[rows] for part in data), rows)

    return drawn


@torch.no_grad()
def baselines(
    posterior: Posterior, source: BatchSource, num_seen: int, num_together: int
) -> Callable[[Minibatch], Tensor]:
    """Return a function from minibatches to their losses at w*, shape (chain,).

    Chains mostly see every sample more than once. Then each sample's loss at w* is evaluated once, and
    a minibatch's loss is the mean of its samples', which costs nothing.

    Parameters
    ----------
    posterior : Posterior
        Has the loss and w*.
    source : tuple of Tensor or callable
    num_seen : int
        Samples in all the minibatches that are asked for, repeated ones included.
    num_together : int
        Most samples to evaluate at a time.
    """

    @torch.no_grad()
    def evaluated(minibatch: Minibatch) -> Tensor:
        loss_fn, params = posterior.loss_fn, posterior.params
        chains = len(minibatch.samples[0])
        if chains == 1 or posterior.serial:  # no vmap for one chain: it only costs
            rows = (tuple(part[chain] for part in minibatch.samples) for chain in range(chains))
            return torch.stack([loss_fn(params, batch) for batch in rows])
        return torch.func.vmap(lambda *batch: loss_fn(params, batch))(*minibatch.samples)

    if callable(source) or posterior.serial or num_seen <= len(source[0]):
        return evaluated
    table = _checked_table(posterior, source, num_together)
    if table is None:
        return evaluated

    def looked_up(minibatch: Minibatch) -> Tensor:
        return table[minibatch.rows].mean(dim=1)

    return looked_up


def _checked_table(posterior: Posterior, data: Batch, num_together: int) -> Tensor | None:
    """Return every sample's loss, or None if the loss of a few together is not their mean."""
    around = posterior.loss_fn, posterior.layout, posterior.centre
    few = tuple(part[:8] for part in data)
    together = posterior.loss_fn(posterior.params, few)
    try:
        apart = sample_losses(*around, few)
    except (RuntimeError, IndexError, ValueError):  # a loss that cannot do with one sample
        return None
    if not torch.allclose(apart.mean(), together, rtol=1e-4):
        return None
    return sample_losses(*around, data, min(num_together, 1024))
