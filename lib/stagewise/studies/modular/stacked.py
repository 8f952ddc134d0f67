"""Stacked networks: data, initial parameters, logits and losses of many replicas as one computation.

The formulas are those of `modular.model` and `modular.transformer`. A residue's image under
W_l or W_r does not depend on its partner, so each side is mapped once a residue and looked up once a
pair: p rows instead of as many as there are pairs in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stagewise.core.losses import cross_entropies
from stagewise.core.replicas import Params
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular import model, transformer
from stagewise.studies.modular.model import ACTIVATIONS
from stagewise.studies.modular.settings import Network, Program, Replica, TransformerSettings
from stagewise.studies.modular.task import split

DRAWN_AT_ONCE = 64
"""Batches that one stream holds; drawing them one by one would cost as much as an update."""

AT_ONCE = 1 << 18
"""Logits computed together: they stay in the processor's cache, and memory stays bounded."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of residues and their labels, each int64, shape (replica, pair)."""

    left: Tensor
    right: Tensor
    labels: Tensor

    def rows(self, chosen: Tensor) -> Pairs:
        """Return the pairs at some positions, shape (replica, chosen)."""
        return Pairs(*(part.gather(1, chosen) for part in (self.left, self.right, self.labels)))

    def part(self, replicas: slice, pairs: slice) -> Pairs:
        """Return some replicas' pairs."""
        parts = (
            part[replicas, pairs].contiguous() for part in (self.left, self.right, self.labels)
        )
        return Pairs(*parts)


def all_pairs(program: Program, keys: Sequence[StreamKey]) -> Pairs:
    """Return every replica's own order of all p^2 pairs, the training set first.

    Parameters
    ----------
    program : Program
    keys : sequence of StreamKey
        Of each replica.
    """
    sets = [split(program.task, key) for key in keys]
    pairs = torch.stack([torch.cat([train[0], test[0]]) for train, test in sets])
    labels = torch.stack([torch.cat([train[1], test[1]]) for train, test in sets])
    left, right = pairs.unbind(-1)
    return Pairs(left.contiguous(), right.contiguous(), labels)


class BatchRows:
    """Positions of each batch in the training set.

    Parameters
    ----------
    keys : sequence of StreamKey
        Of each replica.
    num_train : int
        Pairs in the training set.
    batch_size : int
    """

    def __init__(self, keys: Sequence[StreamKey], num_train: int, batch_size: int) -> None:
        self.keys, self.num_train, self.batch_size = keys, num_train, batch_size
        self._block, self._rows = -1, torch.empty(0, dtype=torch.int64)

    def at(self, step: int) -> Tensor:
        """Return the positions in the batch of a step, shape (replica, batch_size)."""
        block, offset = divmod(step, DRAWN_AT_ONCE)
        if block != self._block:
            shape = (DRAWN_AT_ONCE, self.batch_size)
            streams = [key.child("batch", block).generator() for key in self.keys]
            drawn = [torch.randint(self.num_train, shape, generator=s) for s in streams]
            self._block, self._rows = block, torch.stack(drawn, dim=1)
        return self._rows[offset]


def initial_parameters(
    program: Program, replicas: Sequence[Replica], keys: Sequence[StreamKey]
) -> Params:
    """Return the replicas' initial parameters, each of shape (replica, ...).

    Parameters
    ----------
    program : Program
    replicas : sequence of Replica
    keys : sequence of StreamKey
        Of each replica.
    """
    network, task = program.network, program.task
    drawn = [
        transformer.initial_parameters(network, task, key)
        if isinstance(network, TransformerSettings)
        else model.initial_parameters(network, task, key)
        for key in keys
    ]
    scales = [replica.initial_scale for replica in replicas]
    return {
        name: torch.stack(
            [
                scale * params[name].to(program.dtype)
                for scale, params in zip(scales, drawn, strict=True)
            ]
        )
        for name in drawn[0]
    }


def frozen_names(network: Network, params: Params) -> frozenset[str]:
    """Return the names of the parameters that training leaves alone."""
    if isinstance(network, TransformerSettings):
        return frozenset()
    return model.frozen_names(network, params)


def stacked_logits(params: Params, network: Network, left: Tensor, right: Tensor) -> Tensor:
    """Return the logit of every residue, shape (replica, pair, p).

    Parameters
    ----------
    params : dict of str to Tensor, each of shape (replica, ...)
    network : NetworkSettings or TransformerSettings
    left, right : Tensor of int64, shape (replica, pair)
        The two residues of each pair.
    """
    if isinstance(network, TransformerSettings):
        pairs = torch.stack([left, right], dim=-1)
        return torch.func.vmap(lambda own, p: transformer.logits(own, network, p))(params, pairs)
    embedding = params["embedding"]
    other = "left" if network.tied_sides else "right"
    hidden = _mapped_rows(embedding, params, "left", left)
    hidden = hidden + _mapped_rows(embedding, params, other, right)
    active = ACTIVATIONS[network.activation](hidden)
    read = active @ params["unembedding.weight"].mT
    return read @ embedding.mT if network.tied_unembedding else read


def _mapped_rows(embedding: Tensor, params: Params, side: str, residues: Tensor) -> Tensor:
    """Return the image of each residue under one of the sides, shape (replica, pair, h)."""
    weight, bias = params[f"{side}.weight"], params[f"{side}.bias"]
    table = torch.baddbmm(bias[:, None], embedding, weight.mT)
    first = torch.arange(len(table))[:, None] * table.shape[1]
    rows = table.flatten(0, 1).index_select(0, (residues + first).flatten())
    return rows.unflatten(0, residues.shape)


def stacked_losses(outputs: Tensor, labels: Tensor, loss: str) -> Tensor:
    """Return each replica's loss, shape (replica,).

    Parameters
    ----------
    outputs : Tensor, shape (replica, pair, p)
    labels : Tensor of int64, shape (replica, pair)
    loss : {"cross_entropy", "mse"}
    """
    if loss == "mse":
        truth = F.one_hot(labels, outputs.shape[-1]).to(outputs.dtype)
        return (outputs - truth).square().mean((1, 2))
    return cross_entropies(outputs, labels).mean(1)
