"""The programs of the study: what the configuration says, as a program and its replicas."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np

from stagewise.core.entries import build
from stagewise.core.schedules import checkpoint_steps
from stagewise.core.seeding import StreamKey
from stagewise.stores.identity import digest_of
from stagewise.studies.modular.settings import Program, Replica, SettingEntry


def is_prime(number: int) -> bool:
    """Return whether a number has exactly two divisors."""
    return number > 1 and all(number % k for k in range(2, int(number**0.5) + 1))


@dataclass(frozen=True)
class Setting:
    """One program of the study, for all its seeds, learning rates, weight decays and scales.

    Parameters
    ----------
    name : str
    program : Program
    replicas : tuple of Replica
        By learning rate, weight decay, initial scale and seed, the seed changing fastest. Replicas of
        equal seed share split, initial parameters and batches, so that they make pairs; across
        settings too, where shapes agree.
    record_steps, checkpoint_steps : ndarray of int
    """

    name: str
    program: Program
    replicas: tuple[Replica, ...]
    record_steps: np.ndarray
    checkpoint_steps: np.ndarray

    @classmethod
    def of(cls, name: str, entry: Mapping[str, Any]) -> Setting:
        """Build a setting from its complete entry, ``modular.base`` with the setting's changes.

        Raises
        ------
        ValueError
            If an entry is out of range; names it.
        """
        given: SettingEntry = build(SettingEntry, entry)
        cases = product(given.learning_rates, given.weight_decays, given.initial_scales)
        replicas = tuple(
            Replica("run", seed, rate, decay, scale)
            for rate, decay, scale in cases
            for seed in range(given.num_seeds)
        )
        return cls(
            name,
            given.program,
            replicas,
            checkpoint_steps(given.num_steps, **vars(given.records)),
            checkpoint_steps(given.num_steps, **vars(given.checkpoints)),
        )


def study_key(root_seed: int) -> StreamKey:
    """Return the key above all streams of the study."""
    return StreamKey(root_seed, ("modular",))


def identity_of(
    program: Program,
    replicas: Sequence[Replica],
    study: StreamKey,
    record_steps: Collection[int],
    checkpoint_steps: Collection[int],
) -> str:
    """Return the digest of all that a program's state depends on."""
    return digest_of(
        {
            "program": program.attributes(),
            "replicas": [asdict(replica) for replica in replicas],
            "streams": [study.root, list(study.path)],
            "records": sorted({int(step) for step in record_steps}),
            "checkpoints": sorted({int(step) for step in checkpoint_steps}),
        }
    )
