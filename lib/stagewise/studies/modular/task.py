"""Modular addition: all pairs (a, b) of residues, with the label (a + b) mod p or a random table's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey

LABELS = ("sum", "random", "random_commutative")


@dataclass(frozen=True)
class TaskSettings:
    """The table to be learned, and how much of it is shown.

    Parameters
    ----------
    modulus : int
        p, number of residues.
    train_fraction : float
        Share of the p^2 pairs in the training set; the rest are the test set.
    labels : {"sum", "random", "random_commutative"}
        "sum" is modular addition; the others are fixed random tables, which can only be memorised,
        the last one symmetric in a and b.

    Raises
    ------
    ValueError
        If a setting is out of range or leaves one of the two sets empty.
    """

    modulus: int
    train_fraction: float
    labels: str = "sum"

    def __post_init__(self) -> None:
        if self.modulus < 2:
            raise ValueError(f"modulus must be at least 2, not {self.modulus}")
        if not 0 < self.num_train < self.modulus**2:
            raise ValueError(
                f"train_fraction {self.train_fraction} of {self.modulus**2} pairs leaves the "
                "training or the test set empty"
            )
        if self.labels not in LABELS:
            raise ValueError(f"labels must be one of {', '.join(LABELS)}, not {self.labels!r}")

    @property
    def num_train(self) -> int:
        """Number of pairs in the training set."""
        return round(self.train_fraction * self.modulus**2)


def pairs_of(task: TaskSettings) -> Tensor:
    """Return all pairs, int64, shape (p^2, 2)."""
    residues = torch.arange(task.modulus)
    return torch.cartesian_prod(residues, residues)


def labels_of(task: TaskSettings, key: StreamKey) -> Tensor:
    """Return the label of every pair in the order of `pairs_of`, int64, shape (p^2,).

    Parameters
    ----------
    task : TaskSettings
    key : StreamKey
        Names the random table, if the task has one.
    """
    left, right = pairs_of(task).unbind(1)
    if task.labels == "sum":
        return (left + right) % task.modulus
    generator = key.child("labels").generator()
    shape = (task.modulus, task.modulus)
    table = torch.randint(task.modulus, shape, generator=generator)
    if task.labels == "random_commutative":
        table = table.triu() + table.triu(1).T
    return table[left, right]


def split(task: TaskSettings, key: StreamKey) -> tuple[Batch, Batch]:
    """Return the training and the test set, each pairs, shape (n, 2), and labels, shape (n,).

    Parameters
    ----------
    task : TaskSettings
    key : StreamKey
        Names the choice of training pairs.
    """
    order = torch.randperm(task.modulus**2, generator=key.child("split").generator())
    pairs, labels = pairs_of(task)[order], labels_of(task, key)[order]
    cut = task.num_train
    return (pairs[:cut], labels[:cut]), (pairs[cut:], labels[cut:])
