"""Checks of the claims on S-curves; importing the package registers them."""

from stagewise.studies.scurves.claims import comparisons, shapes
from stagewise.studies.scurves.claims.evidence import read

__all__ = ["comparisons", "read", "shapes"]
