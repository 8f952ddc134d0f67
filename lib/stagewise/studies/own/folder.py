"""A folder of checkpoints: which step each file is of, read off its name.

Read when the workflow is parsed: standard library only.
"""

from __future__ import annotations

import re
from pathlib import Path

ENDINGS = (".pt", ".pth", ".safetensors", ".npz")

_AFTER_STEP = re.compile(r"steps?[-_=]?(\d+)", re.IGNORECASE)


class OwnError(ValueError):
    """What a user has given cannot be used; the message names the key or file and the remedy."""


def step_of(path: Path) -> int:
    """Return the training step in the name of a checkpoint's file, or else of its folder.

    It is the number after "step", as in ``step-1000.pt`` or ``epoch3_step1000.pt``, or the only
    number, as in ``checkpoint-1000/model.safetensors``.

    Raises
    ------
    OwnError
        If there is none, or it is not clear which it is.
    """
    for name in (path.stem, path.parent.name):
        after = _AFTER_STEP.findall(name)
        numbers = after or re.findall(r"\d+", name)
        if len(numbers) == 1:
            return int(numbers[0])
        if numbers:
            raise OwnError(
                f"{path} has the numbers {', '.join(numbers)} in its name, any of which may be the "
                f"step; rename it like step-1000{path.suffix}"
            )
    raise OwnError(f"{path} has no step in its name; rename it like step-1000{path.suffix}")


def checkpoint_files(folder: str | Path, pattern: str = "*") -> dict[int, Path]:
    """Return the checkpoints of a folder by step, in the order of time.

    Parameters
    ----------
    folder : str or Path
    pattern : str
        Which files are meant, as for ``Path.glob``; only those with one of `ENDINGS` are.

    Raises
    ------
    OwnError
        If there is no such folder or no checkpoint, or two are of one step.
    """
    place = Path(folder)
    if not place.is_dir():
        raise OwnError(f"the folder {folder} does not exist; correct the path or make it")
    found = sorted(path for path in place.glob(pattern) if path.suffix in ENDINGS)
    if not found:
        raise OwnError(
            f"{folder} has no file {pattern} that ends in {', '.join(ENDINGS)}; save state dicts "
            "there, or say in 'own.files' where they are, such as */model.safetensors"
        )
    files: dict[int, Path] = {}
    for path in found:
        step = step_of(path)
        if step in files:
            raise OwnError(
                f"{files[step]} and {path} are both of step {step}; move one away, or set "
                "'own.files' so that it names one of them"
            )
        files[step] = path
    return dict(sorted(files.items()))
