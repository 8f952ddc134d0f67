"""An unfinished program on disk, to go on from after a kill.

Batches are functions of the step, so parameters, the optimiser's moments and what has been recorded
are all that a continuation needs, and it is bit-identical to an undisturbed run.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from stagewise.core.seeding import StreamKey
from stagewise.stores.files import StoreError, atomic_path
from stagewise.stores.identity import digest_of
from stagewise.studies.modular.settings import Program, Replica

logger = logging.getLogger(__name__)

State = Mapping[str, Any]
"""Numbers and tensors, in dicts and lists."""


@dataclass(frozen=True)
class Partial:
    """Where a program's state is kept while it runs, and how often.

    Parameters
    ----------
    path : Path
        File; the caller removes it when the results are safe.
    segment_steps : int
        Updates between two saves; no effect on the result.
    """

    path: Path
    segment_steps: int

    def is_due(self, step: int) -> bool:
        """Return whether the state before a step is to be kept."""
        return step > 0 and step % self.segment_steps == 0

    def save(self, identity: str, state: State) -> None:
        """Keep a state in place of the one before it, atomically.

        Raises
        ------
        StoreError
            If it cannot be written; the state before it is still there.
        """
        try:
            with atomic_path(self.path) as temporary:
                torch.save({"identity": identity, **state}, temporary)
        except RuntimeError as error:  # torch's word for a write that fails
            raise StoreError(
                f"{self.path} cannot be written: free disk space, run again"
            ) from error

    def load(self, identity: str) -> State | None:
        """Return the state kept last; None if there is none, or none of this identity."""
        if not self.path.exists():
            return None
        try:
            state = torch.load(self.path, weights_only=True)
        except (RuntimeError, EOFError, OSError, pickle.UnpicklingError):
            state = {}
        if state.get("identity") != identity:
            logger.warning("%s is damaged or of another run: beginning anew", self.path)
            return None
        return state


def identity_of(
    program: Program,
    replicas: Sequence[Replica],
    study: StreamKey,
    record_steps: Sequence[int],
    checkpoint_steps: Sequence[int],
) -> str:
    """Return the digest of all that a program's state depends on."""
    return digest_of(
        {
            "program": program.attributes(),
            "replicas": [asdict(replica) for replica in replicas],
            "streams": [study.root, list(study.path)],
            "records": [int(step) for step in record_steps],
            "checkpoints": [int(step) for step in checkpoint_steps],
        }
    )
