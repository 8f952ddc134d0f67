"""A reduced rank regression at its true parameters, its only step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewise.core.seeding import StreamKey
from stagewise.exact.reference_models import reduced_rank_regression
from stagewise.llc.calibration import Swept


def swept(
    paths: Mapping[str, str], *, model: Mapping[str, Any], root_seed: int, **rest: object
) -> Swept:
    """Return the model; `model` holds arguments of `reduced_rank_regression`. There are no files."""
    key = StreamKey(root_seed, ("calibration", "rrr"))
    built = reduced_rank_regression(**model, key=key.child("model"))
    return Swept(built, built.steps, key.child("sgld"))
