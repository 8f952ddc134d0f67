"""One small file of every kind that the project keeps: how it is written, and read."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from stagewise.llc.layout import AUDIT
from stagewise.stores.checkpoints import (
    Checkpoints,
    read_checkpoint,
    read_checkpoints,
    write_checkpoints,
    write_programs,
)
from stagewise.stores.files import atomic_path, open_store, read_dataset, write_dataset
from stagewise.stores.groups import read_groups, write_groups
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.layout import StoreLayout, Variable
from stagewise.stores.trajectory import write_trajectory
from stagewise.studies.language.documents import Document, read_documents, write_documents
from stagewise.studies.language.tokens import open_rows
from stagewise.workflow.report import load_figure

CURVE = StoreLayout("curve", {"loss": Variable(("step",), "nats", "loss")})


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    name : str
        Of the file.
    write : callable
        ``write(path, seed)``: contents depend on the seed.
    read : callable
        ``read(path)``.
    """

    name: str
    write: Callable[[Path, int], Any]
    read: Callable[[Path], Any]


def values(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _checkpoints(path: Path, seed: int) -> None:
    rows = [(step, {"w": values(seed + step, 60, 40)}) for step in range(12)]
    write_checkpoints(path, rows, "run", {"run": "a"}, {"momentum": values(seed, 2400)})


def _programs(path: Path, seed: int) -> None:
    kept = Checkpoints(np.arange(12), {"w": torch.from_numpy(values(seed, 12, 4, 600))})
    write_programs(path, {"late": ("run", kept.rows())}, {"experiment": "stages"})


class _Observed:
    """What `write_trajectory` takes of a journal."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def blocks(self, name: str) -> Any:
        for part in range(4):
            yield np.arange(10 * part, 10 * part + 10), values(self.seed + part, 10, 800)


def _trajectory(path: Path, seed: int) -> None:
    write_trajectory(path, _Observed(seed), "run", {"seed": seed})


def _read_trajectory(path: Path) -> Any:
    with open_store(path, "run") as handle:
        return handle["outputs"][:]


def _segment(path: Path, seed: int) -> None:
    journal = SegmentFiles(path.parent, "run", 10)
    rows = {step: values(seed + step, 2000) for step in range(10)}
    journal.save(10, {"vectors": torch.from_numpy(values(seed, 2, 300))}, {"trajectory": rows})


def _read_segment(path: Path) -> Any:
    with open_store(path, "run") as handle:
        return handle["state/vectors"][:]


def _curve(seed: int) -> xr.Dataset:
    return CURVE.dataset({"loss": values(seed, 30_000)}, {"step": np.arange(30_000)})


def _dataset(path: Path, seed: int) -> None:
    write_dataset(path, _curve(seed), {"run": f"base-s{seed}"})


def _groups(path: Path, seed: int) -> None:
    write_groups(path, {"one": _curve(seed), "two": _curve(seed + 1)}, {}, CURVE)


def _table(path: Path, seed: int) -> None:
    steps, differences = np.arange(6000), np.abs(values(seed, 6000))
    columns = {"step": steps, "identical": differences < 1, "largest_difference": differences}
    AUDIT.write(path, pd.DataFrame(columns))


def _tokens(path: Path, seed: int) -> None:
    tokens = np.random.default_rng(seed).integers(0, 5000, 60_000, dtype="<u2")
    with atomic_path(path) as temporary, open(temporary, "wb") as handle:
        handle.write(tokens.tobytes())


def _documents(path: Path, seed: int) -> None:
    texts = [values(seed + k, 3000).tobytes().hex() for k in range(8)]
    write_documents(path, [Document(text, "own", "CC0") for text in texts])


def _image(path: Path, seed: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    pixels = np.random.default_rng(seed).integers(0, 255, (300, 301), dtype=np.uint8)
    pixels[:, 0] = 0
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 300, 300, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(pixels.tobytes())),
        (b"IEND", b""),
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def _read_image(path: Path) -> Any:
    caption = path.with_suffix(".rst")
    caption.write_text("A line.\n")
    return load_figure(path, caption, {}).image


KINDS = {
    kind.name: kind
    for kind in (
        Kind("checkpoints.h5", _checkpoints, lambda path: read_checkpoint(path, 11, "run")),
        Kind("programs.h5", _programs, lambda path: read_checkpoints(path, "run", "late")),
        Kind("trajectory.h5", _trajectory, _read_trajectory),
        Kind("segment-00000.h5", _segment, _read_segment),
        Kind("curve.nc", _dataset, read_dataset),
        Kind("groups.nc", _groups, lambda path: read_groups(path, CURVE)),
        Kind("audit.csv", _table, AUDIT.read),
        Kind("train.bin", _tokens, lambda path: open_rows(path, 8)[0]),
        Kind("documents.parquet", _documents, lambda path: list(read_documents(path))),
        Kind("fig.png", _image, _read_image),
    )
}
