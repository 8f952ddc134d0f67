"""What counts as a plateau, a bump, and as converged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from stagewise.core.fields import Bounds, Fraction, Settings


@dataclass(frozen=True)
class CurveSettings(Settings):
    """What counts as a plateau."""

    plateau_share: Fraction
    """A plateau's slope in log loss and log time is below this share of the largest before it."""
    min_plateau_factor: Annotated[float, Bounds(minimum=1)]
    """A plateau lasts at least by this factor in time."""
    floor: Fraction
    """Curves end below this share of their first loss."""


@dataclass(frozen=True)
class MeasureSettings(CurveSettings):
    """Constants of the measures of curves."""

    bump_prominence: Fraction
    """Least prominence of a bump of |cosine|, and least rise of competing vectors."""
    converged_share: Fraction
    """Bumps count until the loss is first below this share of its first value."""
