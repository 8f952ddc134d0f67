"""Estimates of single checkpoints, kept beside the shard that joins them.

A shard that is killed, or that gets more checkpoints, goes on with those that it lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from stagewise.llc.estimate_layout import ESTIMATE
from stagewise.stores.files import StoreError
from stagewise.stores.identity import digest_of

logger = logging.getLogger(__name__)

_OF = "estimate_identity"


def estimate_identities(
    steps: Sequence[int], subject: Mapping[str, Any], **made_of: Any
) -> dict[int, str]:
    """Return the identity of each step's estimate, which knows nothing of the shard that it is in.

    Parameters
    ----------
    steps : sequence of int
    subject : mapping
        Settings of the subject; of ``contents`` in its ``settings``, a step depends on its own alone.
    **made_of
        What else an estimate is made of: sampler, streams, contents of files, code.
    """
    settings = subject["settings"]
    contents = settings.get("contents", {})
    return {
        step: digest_of(
            {**made_of, **subject, "settings": {**settings, "contents": contents.get(step)}}
        )
        for step in steps
    }


@dataclass(frozen=True)
class EstimateFiles:
    """A folder with one file for each checkpoint.

    Parameters
    ----------
    folder : Path
    identities : mapping of int to str
        By step, of all that its estimate depends on: settings, streams, data and code. A file with
        another one is written over.
    """

    folder: Path
    identities: Mapping[int, str]

    @classmethod
    def beside(
        cls, shard: str | Path, steps: Sequence[int], subject: Mapping[str, Any], **made_of: Any
    ) -> EstimateFiles:
        """Return the folder of a shard and of all others of its run; see `estimate_identities`."""
        identities = estimate_identities(steps, subject, **made_of)
        return cls(Path(shard).parent / ".estimates", identities)

    def load(self, step: int) -> xr.Dataset | None:
        """Return the estimate of a step, None where there is none, or another's, or a damaged one."""
        if not self._path(step).exists():
            return None
        try:
            identity, estimate = self._read(step)
        except StoreError as error:
            logger.warning("%s", error)
            return None
        return estimate if identity == self.identities[step] else None

    def save(self, step: int, estimate: xr.Dataset) -> xr.Dataset:
        """Write the estimate of a step, atomically; return it as `load` does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ESTIMATE.write(self._path(step), estimate, {_OF: self.identities[step]})
        return self._read(step)[1]

    def _read(self, step: int) -> tuple[str, xr.Dataset]:
        estimate = ESTIMATE.read(self._path(step)).drop_encoding()
        return estimate.attrs.pop(_OF, ""), estimate

    def _path(self, step: int) -> Path:
        return self.folder / f"{step}.nc"
