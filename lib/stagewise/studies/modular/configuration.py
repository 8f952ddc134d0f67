"""What the keys of the modular-addition study demand of each other, beyond the schema.

Read when the workflow is parsed, so nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SECTIONS: Mapping[str, tuple[str, ...]] = {
    "network": (
        *("embed_dim", "hidden_dim", "tied_sides", "tied_unembedding", "activation"),
        *("scale_embedding", "scale_weights", "freeze_sides"),
    ),
    "transformer": ("embed_dim", "num_heads", "hidden_dim"),
    "records": ("num_linear", "num_logarithmic"),
    "checkpoints": ("num_linear", "num_logarithmic"),
}
"""Keys of the sections of a setting, which may state some of them and `base` must state all."""

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


def contradictions(
    study: Mapping[str, Any], settings: Mapping[str, Mapping[str, Mapping[str, Any]]]
) -> Iterator[str]:
    """Yield what is wrong between keys that are right one by one.

    Parameters
    ----------
    study : mapping
        The part ``modular`` of a configuration that its schema has passed.
    settings : mapping
        Complete entry of each setting, by experiment; `workflow.config.modular_settings`.
    """
    for section, keys in SECTIONS.items():
        for key in keys:
            if key not in study["base"][section]:
                yield f"missing key 'modular.base.{section}.{key}'; add it"
    yield from _missing(settings)
    seen: set[str] = set()
    for experiment, entries in settings.items():
        for name, entry in entries.items():
            place = f"modular.experiments.{experiment}.{name}"
            if name in seen:
                yield f"{place!r} has the name of another setting; rename one of the two"
            seen.add(name)
            yield from _setting_contradictions(place, entry)
    yield from _scale_contradictions(settings["scales"]["scaled"])
    for analysis, needed in FOLLOWED.items():
        yield from _analysis_contradictions(analysis, study[analysis], needed, settings["stages"])
        if study["shown_seed"] >= study[analysis]["num_seeds"]:
            yield (
                f"'modular.shown_seed' is {study['shown_seed']}, which 'modular.{analysis}' does not "
                f"follow; choose one below {study[analysis]['num_seeds']}, or raise its num_seeds"
            )
    yield from _slingshot_contradictions(study["slingshots"]["window"], settings["stages"])
    measures = study["measures"]
    if measures["rise_start"] >= measures["rise_end"]:
        yield (
            f"'modular.measures.rise_start' ({measures['rise_start']}) must be below "
            f"'modular.measures.rise_end' ({measures['rise_end']})"
        )


def _missing(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for experiment, names in REQUIRED.items():
        for name in names:
            if name not in settings.get(experiment, {}):
                yield (
                    f"'modular.experiments.{experiment}' lacks {name!r}, which figures compare; "
                    "add it"
                )


def _setting_contradictions(place: str, entry: Mapping[str, Any]) -> Iterator[str]:
    modulus, steps = entry["modulus"], entry["num_steps"]
    if not 0 < round(entry["train_fraction"] * modulus**2) < modulus**2:
        yield (
            f"'{place}.train_fraction' ({entry['train_fraction']}) of {modulus**2} pairs leaves the "
            "training or the test set empty; change one of fraction and modulus"
        )
    if entry["momentum"] and entry["optimiser"] != "sgd":
        yield f"'{place}.momentum' must be 0 with {entry['optimiser']}; only sgd has it"
    transformer = entry["transformer"]
    if transformer["embed_dim"] % transformer["num_heads"]:
        yield (
            f"'{place}.transformer.num_heads' ({transformer['num_heads']}) does not divide "
            f"'embed_dim' ({transformer['embed_dim']}); change one of the two"
        )
    if entry["architecture"] == "transformer" and entry["loss"] != "cross_entropy":
        yield f"'{place}.loss' must be cross_entropy for the transformer"
    for grid in ("records", "checkpoints"):
        if entry[grid]["num_logarithmic"] > steps:
            yield (
                f"'{place}.{grid}.num_logarithmic' ({entry[grid]['num_logarithmic']}) is more than "
                f"the steps of '{place}.num_steps' ({steps}); change one of the two"
            )


def _scale_contradictions(entry: Mapping[str, Any]) -> Iterator[str]:
    place, scales = "modular.experiments.scales.scaled", entry["initial_scales"]
    if 1.0 not in scales or min(scales) >= 1.0:
        yield f"'{place}.initial_scales' is {scales}; it must hold 1.0 and a smaller one, to compare"
    if 0.0 not in entry["weight_decays"] or not any(entry["weight_decays"]):
        yield f"'{place}.weight_decays' is {entry['weight_decays']}; it must hold 0.0 and another"


def _analysis_contradictions(
    analysis: str,
    entry: Mapping[str, Any],
    needed: tuple[str, ...],
    stages: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    key, listed = f"modular.{analysis}", "variants" if analysis == "llc" else "settings"
    for name in needed:
        if name not in entry[listed]:
            yield f"'{key}.{listed}' lacks {name!r}, which figures show; add it"
    for name in entry[listed]:
        if name not in stages:
            yield (
                f"'{key}.{listed}' names {name!r}, which is no setting of "
                "'modular.experiments.stages'; correct the name or add it there"
            )
        elif analysis != "llc" and stages[name]["modulus"] % 2 == 0:
            yield (
                f"'{key}.settings' names {name!r}, whose modulus {stages[name]['modulus']} is even: "
                "Fourier modes need an odd one; change the modulus or take it out"
            )
        elif entry["num_seeds"] > stages[name]["num_seeds"]:
            yield (
                f"'{key}.num_seeds' ({entry['num_seeds']}) is more than the "
                f"{stages[name]['num_seeds']} seeds of {name!r}; lower it"
            )


def _slingshot_contradictions(
    window: float, stages: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name in SLINGSHOTS:
        if name not in stages:
            continue
        num_linear, last = stages[name]["records"]["num_linear"], stages[name]["num_steps"]
        apart = last / max(num_linear - 1, 1)
        if window < apart:
            yield (
                f"'modular.slingshots.window' ({window:g}) is below the distance of records of {name!r} "
                f"({apart:g} updates); widen it, or raise that setting's 'records.num_linear'"
            )
