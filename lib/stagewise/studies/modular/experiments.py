"""Settings that figures and claims of the study look for by name; a configuration may have more."""

from __future__ import annotations

from collections.abc import Mapping

SIZES = ("small", "middle", "large")
_KINDS = ("entropy", "squares")

FRACTIONS = tuple(f"{size}{number}" for size in SIZES for number in range(1, 6))
"""Settings of the experiment on shares of the data: three moduli, five shares each."""

CLASSES = tuple(f"{kind}{number}" for kind in _KINDS for number in range(1, 5))
"""Settings of the experiment on early training: two losses, four moduli each."""

FLOWS = ("adamlarge", "adammiddle", "adamsmall", "sgdlarge", "sgdmiddle", "sgdsmall")

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "stages": ("early", "late", "random", "narrow", "wide", "descent", "transformer"),
    "adaptive": ("adam", "adamw"),
    "gradient": ("sgd", "momentum", "fullbatch"),
    "flow": FLOWS,
    "unregularised": ("free", "frozen", "freemore", "frozenmore"),
    "fractions": FRACTIONS,
    "scales": ("scaled",),
    "classes": CLASSES,
}
"""Settings that figures and claims compare, by experiment."""

FOLLOWED: Mapping[str, tuple[str, ...]] = {
    "modes": ("narrow", "wide", "late", "random"),
    "gradients": ("late", "narrow", "descent"),
    "llc": ("late", "random"),
}
"""Settings that figures show along training, by analysis."""

SLINGSHOTS = ("early", "late", "narrow", "descent")
"""Settings in whose curves slingshots are looked for."""
