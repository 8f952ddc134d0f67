"""A run of the regression study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from stagewise.llc.calibration import Swept
from stagewise.studies.regression.subject import subject


def swept(
    paths: Mapping[str, str], *, run: str, steps: Sequence[int], root_seed: int, **rest: Any
) -> Swept:
    """Return the run at some steps; other arguments are those of `regression.subject.subject`."""
    built = subject(run, paths=paths, root_seed=root_seed, **rest)
    return Swept(replace(built, name="transformer"), tuple(steps), built.key.child("calibration"))
