"""The journal of a training run on disk: finished segments, each a small file of its own."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from stagewise.core.training import Recorded, State
from stagewise.stores.files import StoreError, open_store, write_attributes, writing_hdf5
from stagewise.stores.locks import release, take
from stagewise.stores.seals import beside

logger = logging.getLogger(__name__)


class SegmentFiles:
    """A `core.training.Journal` in a folder; the caller discards it when the results are safe.

    A segment holds what was recorded since the one before it and the state to go on from. From `load`
    to `discard`, or to its end, the process is the only one that writes into the folder.

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
        self._lock = folder / ".lock"
        self._held: int | None = None

    def load(self) -> tuple[int, State] | None:
        """Return the state after the last finished segment and the step to go on with.

        Segments that are damaged or of another identity are removed, and all that follow them, and
        what a killed process has left of one.

        Raises
        ------
        StoreError
            If another process writes into the folder.
        """
        if self._held is None:
            self._held = take(self._lock, self.folder)
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
        seals = {beside(path, "seal") for path in self.segments}
        for path in set(self.folder.iterdir()) - {*self.segments, *seals, self._lock}:
            path.unlink()
        return kept

    def save(self, step: int, state: State, recorded: Recorded) -> None:
        """Write a segment, atomically."""
        path = self._next()
        with writing_hdf5(path) as handle:
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
        if self._held is not None:
            release(self._held, self._lock)
            self._held = None

    def _next(self) -> Path:
        return self.folder / f"segment-{len(self.segments):05d}.h5"
