"""Checks of the claims on language models; importing the package registers them."""

from stagewise.studies.language.claims import behaviour, structure
from stagewise.studies.language.claims.evidence import read

__all__ = ["behaviour", "read", "structure"]
