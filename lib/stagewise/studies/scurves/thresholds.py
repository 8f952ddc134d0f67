"""What counts as a plateau, a bump, and as converged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CurveSettings:
    """What counts as a plateau.

    Parameters
    ----------
    plateau_share : float
        A plateau's slope is below this share of the largest slope before it.
    min_plateau_factor : float
        A plateau lasts at least by this factor in time.
    floor : float
        The curve ends where the loss is below this share of its first value.
    """

    plateau_share: float
    min_plateau_factor: float
    floor: float


@dataclass(frozen=True)
class MeasureSettings:
    """Constants of the measures.

    Parameters
    ----------
    curves : CurveSettings
    bump_prominence : float
        Least prominence of a bump of |cosine|, and least rise of competing vectors.
    converged_share : float
        Bumps count until the loss is first below this share of its first value.
    """

    curves: CurveSettings
    bump_prominence: float
    converged_share: float

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> MeasureSettings:
        """Build from ``scurves.measures`` of the configuration."""
        names = ("plateau_share", "min_plateau_factor", "floor")
        curves = CurveSettings(**{name: entry[name] for name in names})
        return cls(curves, entry["bump_prominence"], entry["converged_share"])
