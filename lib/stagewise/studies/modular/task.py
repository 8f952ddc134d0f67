"""Modular addition: all pairs (a, b) of residues, with the label (a + b) mod p or a random table's."""

from __future__ import annotations

import torch
from torch import Tensor

from stagewise.core.replicas import Batch
from stagewise.core.seeding import StreamKey
from stagewise.studies.modular.settings import TaskSettings


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
