"""What counts as a plateau, a bump, and as converged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stagewise.core.fields import Bounds, Fraction, Settings


@dataclass(frozen=True)
class CurveSettings(Settings):
    """What counts as a plateau."""

    plateau_share: Fraction
    """A plateau's rate, -d log L / dt, is below this share of the largest before and after it."""
    min_efoldings: Annotated[float, Bounds(minimum=0)]
    """A plateau lasts so long that the loss would fall by this many factors e at the rates beside it."""
    floor: Fraction
    """Curves end below this share of their first loss."""


@dataclass(frozen=True)
class MeasureSettings(CurveSettings):
    """Constants of the measures of curves."""

    bump_prominence: Fraction
    """Least prominence of a bump of |cosine|, and least rise of competing vectors."""
    converged_share: Fraction
    """Bumps count until the loss is first below this share of its first value."""
