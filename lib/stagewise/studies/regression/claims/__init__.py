"""Checks of the claims on in-context linear regression; importing the package registers them."""

from stagewise.studies.regression.claims import (
    behaviour,
    degeneracy,
    development,
    sampling,
    structure,
)
from stagewise.studies.regression.claims.evidence import read

__all__ = ["behaviour", "degeneracy", "development", "read", "sampling", "structure"]
