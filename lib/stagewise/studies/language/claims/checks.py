"""The checks of the language claims by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from stagewise.claims.evidence import Verdict
from stagewise.studies.language.claims import behaviour, structure

LANGUAGE_CHECKS: Mapping[str, Callable[..., Verdict]] = MappingProxyType(
    {
        "L1": structure.language_stages,
        "L2": behaviour.bigrams_first,
        "L3": behaviour.ngrams_next,
        "L4": behaviour.positions_start,
        "L5": structure.heads_in_order,
        "L6": structure.composition_first,
        "L7": behaviour.context_with_induction,
        "L8": behaviour.one_layer,
        "L9": structure.forms_with_content,
        "L10": structure.positions_curve,
    }
)
"""Keyword arguments of each are its thresholds in config/claims.yaml."""
