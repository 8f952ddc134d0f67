"""The checks of the modular-addition claims by their ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from stagewise.claims.evidence import Verdict
from stagewise.studies.modular.claims import modes, sweeps, timing, training

MODULAR_CHECKS: Mapping[str, Callable[..., Verdict]] = MappingProxyType(
    {
        "G1": timing.sudden,
        "G2": timing.both_orders,
        "G3": sweeps.without_regularisation,
        "G4": sweeps.frozen_sides,
        "G5": sweeps.learning_rates,
        "G6": sweeps.adam_over_sgd,
        "G7": modes.few_modes,
        "G8": modes.three_phases,
        "G9": training.early_training,
        "G10": timing.faster_than_exponential,
        "G11": timing.scale_for_decay,
        "G12": training.gradients_agree,
        "G13": modes.self_reinforcing,
        "G14": training.llc_falls,
    }
)
"""Keyword arguments of each are its thresholds in config/claims.yaml."""
