"""Checks of the claims on the LLC as an instrument; importing the package registers them."""

from stagewise.studies.instruments.claims import forms, repetition, validation
from stagewise.studies.instruments.claims.evidence import read

__all__ = ["forms", "read", "repetition", "validation"]
