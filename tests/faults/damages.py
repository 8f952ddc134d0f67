"""Ways in which a file can be damaged: functions of its bytes and of those of another of its kind."""

import numpy as np

TEXT = b"run,setting,step\nnothing,of,this\n"


def _flipped(content: bytes, share: float) -> bytes:
    place = min(int(share * len(content)), len(content) - 1)
    return content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]


def _zeroed(content: bytes, share: float) -> bytes:
    start = int(share * len(content))
    return content[:start] + bytes(len(content[start : start + 512])) + content[start + 512 :]


def _shuffled(content: bytes) -> bytes:
    return np.random.default_rng(0).permutation(np.frombuffer(content, dtype=np.uint8)).tobytes()


DAMAGES = {
    "first bit flipped": lambda content, other: _flipped(content, 0),
    "a bit flipped inside": lambda content, other: _flipped(content, 0.6),
    "last bit flipped": lambda content, other: _flipped(content, 1),
    "last byte missing": lambda content, other: content[:-1],
    "second half missing": lambda content, other: content[: len(content) // 2],
    "empty": lambda content, other: b"",
    "512 zeros at the start": lambda content, other: _zeroed(content, 0),
    "512 zeros inside": lambda content, other: _zeroed(content, 0.3),
    "all zeros": lambda content, other: bytes(len(content)),
    "text": lambda content, other: TEXT,
    "longer": lambda content, other: content + TEXT,
    "of another run": lambda content, other: other,
    "in another order": lambda content, other: _shuffled(content),
}
