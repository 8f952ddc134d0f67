"""Full-batch descent of many replicas as one tensor program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lib.scurves.tasks import Losses

Observer = Callable[[Tensor, Tensor], None]


def descend(
    losses_of: Losses,
    initial: Tensor,
    cases: Sequence[tuple[float, float]],
    optimiser: str,
    adam: Mapping[str, Any],
    steps: Sequence[int],
    observe: Observer,
) -> Tensor:
    """Minimise every replica's own loss from its own start.

    Replicas share nothing, so the gradient of the sum of losses is each one's own. Every case is a
    parameter group of one optimiser of torch.

    Parameters
    ----------
    losses_of : callable
        From vectors, shape (case * seed, component, rank, dimension), to losses (case * seed,).
    initial : Tensor, shape (seed, component, rank, dimension)
        Where every case begins.
    cases : sequence of (learning rate, weight decay)
    optimiser : str
        "sgd", "adam" or "adamw".
    adam : mapping
        ``betas`` and ``epsilon`` of Adam.
    steps : sequence of int
        Ascending; the last one is the number of updates.
    observe : callable
        Called with vectors (case, seed, component, rank, dimension) and losses (case, seed) at each
        of the steps, in order.

    Returns
    -------
    Tensor, shape (case, seed, component, rank, dimension)
        The vectors after the last step.
    """
    leaves = [initial.clone().requires_grad_() for _ in cases]
    groups = [
        {"params": [leaf], "lr": rate, "weight_decay": decay}
        for leaf, (rate, decay) in zip(leaves, cases, strict=True)
    ]
    updates = _optimiser(optimiser, groups, adam)
    wanted, last = set(steps), steps[-1]
    for step in range(last + 1):
        vectors = torch.stack(leaves)
        losses = losses_of(vectors.flatten(0, 1))
        if step in wanted:
            observe(vectors.detach(), losses.detach().unflatten(0, vectors.shape[:2]))
        if step < last:
            updates.zero_grad()
            losses.sum().backward()
            updates.step()
    return vectors.detach()


def _optimiser(
    name: str, groups: list[dict[str, Any]], adam: Mapping[str, Any]
) -> torch.optim.Optimizer:
    if name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, fused=True)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(groups, betas=tuple(adam["betas"]), eps=adam["epsilon"], fused=True)
