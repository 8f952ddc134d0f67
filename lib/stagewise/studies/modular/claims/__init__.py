"""Checks of the claims on modular addition; importing the package registers them."""

from stagewise.studies.modular.claims import modes, sweeps, timing, training
from stagewise.studies.modular.claims.evidence import read

__all__ = ["modes", "read", "sweeps", "timing", "training"]
