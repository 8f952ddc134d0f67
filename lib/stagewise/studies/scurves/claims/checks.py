"""The checks of the S-curve claims by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from stagewise.claims.evidence import Verdict
from stagewise.studies.scurves.claims import comparisons, shapes

SCURVES_CHECKS: Mapping[str, Callable[..., Verdict]] = MappingProxyType(
    {
        "S1": shapes.exponential,
        "S2": shapes.rank_one,
        "S3": shapes.four_phases,
        "S4": shapes.low_ranks,
        "S5": comparisons.longer_per_target,
        "S6": shapes.tails,
        "S7": shapes.unaligned,
        "S8": comparisons.shorter_with_rank,
        "S9": comparisons.longer_with_components,
        "S10": shapes.attention,
        "S11": shapes.adam_plateau,
        "S12": comparisons.adam_bumps,
        "S13": comparisons.competition,
        "S14": comparisons.decay_extends,
        "S15": comparisons.adamw_accelerates,
        "S16": shapes.entropy,
        "S17": shapes.self_term,
        "S18": shapes.symmetry,
    }
)
"""Keyword arguments of each are its thresholds in config/claims.yaml."""
