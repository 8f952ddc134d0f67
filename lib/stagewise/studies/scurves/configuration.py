"""What the keys of the S-curve study demand of each other, beyond the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "linear": ("scalar", "vector"),
    "lowrank": ("rank1", "rank2", "rank4", "rank10"),
    "fullrank": ("full", "adamfull"),
    "tail": ("fulltail",),
    "components": ("product3", "product4", "product5"),
    "attention": ("attention2",),
    "adam": ("adam2", "adam10"),
    "variants": ("decay1", "slow1", "adamw1", "noself1"),
    "entropy": ("entropy2", "entropy10", "entropyfull"),
}
"""Settings that figures and claims compare, by experiment."""

FLOWS = ("rank1",)
"""Settings whose flow a figure shows."""

_COMPONENTS: Mapping[str, int] = {"attention": 4, "cross_entropy": 2}


def contradictions(study: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between keys that are right one by one.

    Parameters
    ----------
    study : mapping
        The part ``scurves`` of a configuration that its schema has passed.
    """
    yield from _missing(study["experiments"])
    entries: dict[str, Mapping[str, Any]] = {}
    for experiment, settings in study["experiments"].items():
        for name, entry in settings.items():
            place = f"scurves.experiments.{experiment}.{name}"
            if name in entries:
                yield f"{place!r} has the name of another setting; rename one of the two"
            entries[name] = entry
            yield from _setting_contradictions(place, entry, study)
    if study["shown_seed"] >= min(study["num_seeds"].values()):
        yield (
            f"'scurves.shown_seed' is {study['shown_seed']}, which has no run; choose one below "
            f"'scurves.num_seeds.few' ({study['num_seeds']['few']})"
        )
    yield from _flow_contradictions(study["flow"]["settings"], entries)


def _missing(experiments: Mapping[str, Any]) -> Iterator[str]:
    for experiment, names in REQUIRED.items():
        if experiment not in experiments:
            yield f"'scurves.experiments' lacks {experiment!r}, which figures compare; add it"
            return
        for name in names:
            if name not in experiments[experiment]:
                yield (
                    f"'scurves.experiments.{experiment}' lacks {name!r}, which figures compare; "
                    "add it"
                )


def _flow_contradictions(
    wanted: Sequence[str], entries: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    for name in wanted:
        if name not in entries:
            yield f"'scurves.flow.settings' names {name!r}, which is no setting; correct the name"
        elif (entries[name]["task"], entries[name]["optimiser"]) != ("product", "sgd"):
            yield (
                f"'scurves.flow.settings' names {name!r}, but only products learned by sgd have "
                "a flow here; take it out"
            )
    for name in FLOWS:
        if name not in wanted:
            yield f"'scurves.flow.settings' lacks {name!r}, which a figure shows; add it"


def _setting_contradictions(
    place: str, entry: Mapping[str, Any], study: Mapping[str, Any]
) -> Iterator[str]:
    dimension = entry["dimension"] or study["dimension"]
    if (entry["rank"] or 1) > dimension:
        yield (
            f"'{place}.rank' is {entry['rank']}, more than the dimension {dimension}; "
            f"set it to at most {dimension}, or to null for full rank"
        )
    wanted = _COMPONENTS.get(entry["task"])
    if wanted and entry["num_components"] != wanted:
        yield (
            f"'{place}.num_components' is {entry['num_components']}, but the task "
            f"{entry['task']} has {wanted}; set it to {wanted}"
        )
    scaled = entry["task"] == "cross_entropy"
    if scaled != (entry["logit_scale"] is not None):
        yield f"'{place}.logit_scale' must be {'a number' if scaled else 'null'} for this task"
    if entry["optimiser"] == "adam" and any(entry["weight_decays"]):
        yield f"'{place}.weight_decays' must be [0.0] with adam; take adamw for weight decay"
    if study["records"]["num_logarithmic"] > entry["num_steps"]:
        yield (
            f"'scurves.records.num_logarithmic' ({study['records']['num_logarithmic']}) is more "
            f"than the steps of '{place}.num_steps' ({entry['num_steps']}); change one of the two"
        )
