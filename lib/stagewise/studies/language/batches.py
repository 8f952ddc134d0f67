"""The rows of every training step: each row once an epoch, some made repetitive where asked.

Induction pays off where text repeats itself. Small networks on little text do not find it; rows in
which a passage comes again and again let them. Their share is a setting, 0 as published.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey
from stagewise.studies.language.settings import Repetition
from stagewise.studies.language.tokens import TokenRows


@dataclass(frozen=True)
class TrainingRows:
    """The batches of a run as functions of the step.

    Parameters
    ----------
    rows : TokenRows
        The training split.
    batch_size : int
        At most the rows of the split.
    repetition : Repetition
    key : StreamKey
        Names the order of every epoch and the repetitive rows of every step.
    device : str

    Raises
    ------
    ValueError
        If there are fewer rows than a batch has.
    """

    rows: TokenRows
    batch_size: int
    repetition: Repetition
    key: StreamKey
    device: str

    def __post_init__(self) -> None:
        if len(self.rows) < self.batch_size:
            raise ValueError(
                f"training.batch_size is {self.batch_size}, but the training split has "
                f"{len(self.rows)} rows: give more text or lower it"
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; rows that fill no batch wait for the next one."""
        return len(self.rows) // self.batch_size

    def batch_at(self, step: int) -> Batch:
        """Return the rows of the update from `step` to `step` + 1, int64, shape (row, n_ctx)."""
        epoch, place = divmod(step, self.steps_per_epoch)
        order = _order(self.key, epoch, len(self.rows))
        rows = self.rows[order[place * self.batch_size : (place + 1) * self.batch_size]]
        num_repetitive = round(self.repetition.share * self.batch_size)
        if num_repetitive:
            key = self.key.child("repetition", step)
            rows[:num_repetitive] = repeated(rows[:num_repetitive], self.repetition, key)
        return (rows.to(self.device),)

    def block(self, number: int, count: int) -> Batch:
        """Return the batches of the `count` steps of a block, shape (step, row, n_ctx)."""
        steps = range(number * count, (number + 1) * count)
        return (torch.cat([self.batch_at(step)[0][None] for step in steps]),)


@lru_cache(maxsize=1)  # an epoch has many steps
def _order(key: StreamKey, epoch: int, num_rows: int) -> Tensor:
    return torch.randperm(num_rows, generator=key.child("epoch", epoch).generator())


def repeated(rows: Tensor, repetition: Repetition, key: StreamKey) -> Tensor:
    """Return rows that each repeat one passage of their own text, from any of its tokens to their end.

    Parameters
    ----------
    rows : Tensor of int64, shape (row, token)
    repetition : Repetition
        Its longest passage fits into a row.
    key : StreamKey
    """
    num_rows, length = rows.shape
    generator = key.generator()
    shape = (num_rows, 1)
    sizes = torch.randint(repetition.shortest, repetition.longest + 1, shape, generator=generator)
    starts = (torch.rand(shape, generator=generator) * (length - sizes + 1)).long()
    return rows.gather(1, starts + torch.arange(length) % sizes)
