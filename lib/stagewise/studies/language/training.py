"""A run of the language study at the start of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewise.core.network import NetworkTraining, network_descent
from stagewise.core.replicas import ParameterLayout
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split


def network_training(
    name: str, settings: Mapping[str, Any], root_seed: int, device: str, data: Mapping[str, str]
) -> NetworkTraining:
    """Return the training of a run on the splits "train" and "validation" with their "index"."""
    run = LanguageRun.of(name, settings, root_seed, device)
    layout, length = ParameterLayout.of(run.initial()), settings["context_length"]
    train, validation = (
        open_split(data[split], data["index"], split, length) for split in ("train", "validation")
    )
    descent = network_descent(
        run.loss,
        layout,
        layout.flatten(run.initial()),
        run.training_rows(train).batch_at,
        run.training,
    )
    contexts = run.tokens_in_context(validation, settings["trajectory"]["num_contexts"])
    precision = settings["trajectory"]["precision"]
    return NetworkTraining(
        layout, descent, lambda params: run.function_vector(params, contexts, precision)
    )
