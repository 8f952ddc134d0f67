"""The journal of a training run on disk: finished segments, each a small file of its own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch

from stagewise.core.training import Recorded, State
from stagewise.stores.files import StoreError, atomic_path, open_store, write_attributes

logger = logging.getLogger(__name__)


class SegmentFiles:
    """A `core.training.Journal` in a folder; the caller discards it when the results are safe.

    A segment holds what was recorded since the one before it and the state to go on from.

    Parameters
    ----------
    folder : Path
    identity : str
        Of settings and code; segments of another one are made again.
    segment_steps : int
        Updates between two saves. No effect on the result.
    """

    def __init__(self, folder: Path, identity: str, segment_steps: int) -> None:
        self.folder, self.identity, self.segment_steps = folder, identity, segment_steps
        self.segments: list[Path] = []

    def load(self) -> tuple[int, State] | None:
        """Return the state after the last finished segment and the step to go on with.

        Segments that are damaged or of another identity are removed, and all that follow them.
        """
        self.segments, kept = [], None
        while (path := self._next()).exists():
            try:
                with open_store(path, self.identity) as handle:
                    state = {name: torch.from_numpy(v[:]) for name, v in handle["state"].items()}
                    kept = int(handle.attrs["step"]), state
            except StoreError:
                logger.warning("%s is damaged or of another run: made again", path)
                break
            self.segments.append(path)
        for path in set(self.folder.glob("segment-*.h5")) - set(self.segments):
            path.unlink()
        return kept

    def save(self, step: int, state: State, recorded: Recorded) -> None:
        """Write a segment, atomically."""
        path = self._next()
        with atomic_path(path) as temporary, h5py.File(temporary, "w") as handle:
            write_attributes(handle, {"identity": self.identity, "step": step})
            for name, values in state.items():
                handle[f"state/{name}"] = values.numpy(force=True)
            for name, rows in recorded.items():
                handle[f"recorded/{name}/step"] = np.fromiter(rows, dtype=np.int64)
                handle[f"recorded/{name}/values"] = np.stack(list(rows.values()))
        self.segments.append(path)

    def blocks(self, name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Return the steps and values recorded under a name, segment by segment."""
        for path in self.segments:
            with open_store(path, self.identity) as handle:
                if f"recorded/{name}" in handle:
                    group = handle[f"recorded/{name}"]
                    yield group["step"][:], group["values"][:]

    def discard(self) -> None:
        """Remove the segments."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _next(self) -> Path:
        return self.folder / f"segment-{len(self.segments):05d}.h5"
