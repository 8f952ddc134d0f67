"""What the keys of the language study demand of each other, beyond the schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def contradictions(study: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong between keys that are right one by one.

    Parameters
    ----------
    study : mapping
        The part ``language`` of a configuration that its schema has passed.
    """
    corpus = study["corpus"]
    if corpus["source"] == "folder" and corpus["folder"]["path"] is None:
        yield "'language.corpus.folder.path' is null; name the folder that 'source: folder' reads"
    split = corpus["split"]
    held_out = split["validation_share"] + split["sampling_share"]
    if held_out >= 1:
        yield (
            f"'language.corpus.split' holds out {held_out:g} of the documents and leaves none to train "
            "on; lower validation_share or sampling_share"
        )
    length = study["context_length"]
    early, late = study["evaluation"]["icl_positions"]
    if not early < late < length:
        yield (
            f"'language.evaluation.icl_positions' is [{early}, {late}]; both must be below "
            f"'language.context_length' ({length}), the early one first"
        )
    last = max(study["evaluation"]["ablation_positions"])
    if last >= length:
        yield (
            f"'language.evaluation.ablation_positions' goes to {last}; stay below "
            f"'language.context_length' ({length})"
        )
    shortest, longest = study["training"]["repeated_tokens"]
    if shortest > longest:
        yield (
            f"'language.training.repeated_tokens' is [{shortest}, {longest}]; the first must not be "
            "above the second"
        )
    if study["training"]["repeated_share"] and longest > length:
        yield (
            f"'language.training.repeated_tokens' goes to {longest}, more than the tokens of a row, "
            f"'language.context_length' ({length}); lower it"
        )
    if study["llc"]["source"] == "sampling" and not split["sampling_share"]:
        yield (
            "'language.llc.source' is sampling, but 'language.corpus.split.sampling_share' is 0; set a "
            "share or 'source: train'"
        )
    for name, entry in study["llc"]["settings"].items():
        if entry["loss"] != "all_positions":
            yield (
                f"'language.llc.settings.{name}.loss' is {entry['loss']}; language models have "
                "all_positions only"
            )
