"""Named random streams: every draw is a function of what it is for, and of nothing else.

A stream is named by a root seed and a path of names and integers, such as
``("regression", "base-s1", "batch", 1200)``. Its contents depend on that name only: not on how many
numbers were drawn elsewhere, nor on how work is divided among jobs. So training resumes without any
generator state, and every checkpoint's chains can meet the same noise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

KeyPart = int | str


@dataclass(frozen=True)
class StreamKey:
    """Name of a random stream.

    Parameters
    ----------
    root : int
        Root seed of the project.
    path : tuple of int or str
        What the stream is for, from the general to the particular.
    """

    root: int
    path: tuple[KeyPart, ...] = ()

    def child(self, *parts: KeyPart) -> StreamKey:
        """Return the key of a stream below this one.

        Raises
        ------
        TypeError
            If a part is neither an integer nor a string: a float in a name would make the stream
            depend on how the number is printed.
        """
        for part in parts:
            if isinstance(part, bool) or not isinstance(part, int | str):
                raise TypeError(f"stream names are integers and strings, not {part!r}")
        return StreamKey(self.root, self.path + parts)

    @property
    def seed(self) -> int:
        """63-bit seed of the stream."""
        text = "\x1f".join(f"{type(part).__name__}:{part}" for part in (self.root, *self.path))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """Return a fresh generator at the beginning of the stream."""
        return torch.Generator(device=device).manual_seed(self.seed)


def as_key(key: int | StreamKey) -> StreamKey:
    """Return `key` as a stream key; a bare integer is a root seed."""
    return key if isinstance(key, StreamKey) else StreamKey(int(key))
