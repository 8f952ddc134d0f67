"""A run of the language study at the start of its training."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from stagewise.core.descent import Descent
from stagewise.core.network import NetworkTraining, network_descent, refuse_loss
from stagewise.core.network_program import ProgramDescent
from stagewise.core.programs import runs_in_blocks
from stagewise.core.replicas import ParameterLayout
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split

BLOCK_STEPS = 20
"""Updates whose rows go to a GPU at a time: 16 MB at the published size. The rows are those of a CPU."""


def network_training(
    name: str, settings: Mapping[str, Any], root_seed: int, device: str, data: Mapping[str, str]
) -> NetworkTraining:
    """Return the training of a run on the splits "train" and "validation" with their "index"."""
    run = LanguageRun.of(name, settings, root_seed, device)
    layout, length = ParameterLayout.of(run.initial()), settings["context_length"]
    train, validation = (
        open_split(data[split], data["index"], split, length) for split in ("train", "validation")
    )
    rows, initial = run.training_rows(train), layout.flatten(run.initial())
    descent: Descent
    if runs_in_blocks(device):
        refuse = partial(refuse_loss, run.training)
        network = run.loss, layout, initial[None], [rows.block]
        descent = ProgramDescent(*network, run.training, BLOCK_STEPS, refuse)
    else:
        descent = network_descent(run.loss, layout, initial, rows.batch_at, run.training)
    contexts = run.tokens_in_context(validation, settings["trajectory"]["num_contexts"])
    precision = settings["trajectory"]["precision"]
    return NetworkTraining(
        layout, descent, lambda params: run.function_vector(params, contexts, precision)
    )
