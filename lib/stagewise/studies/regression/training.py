"""A run of the regression study at the start of its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewise.core.network import NetworkTraining, network_descent
from stagewise.core.replicas import ParameterLayout
from stagewise.studies.regression.study import RegressionRun


def network_training(
    name: str, settings: Mapping[str, Any], root_seed: int, device: str, data: Mapping[str, str]
) -> NetworkTraining:
    """Return the training of a run; there are no files of data."""
    run = RegressionRun.of(name, settings, root_seed, device)
    layout, tasks = ParameterLayout.of(run.initial()), run.tasks()
    contexts = run.fixed_contexts("trajectory", settings["trajectory"]["num_contexts"])
    descent = network_descent(
        run.loss,
        layout,
        layout.flatten(run.initial()),
        lambda step: run.training_batch(step, tasks),
        run.training,
    )
    return NetworkTraining(layout, descent, lambda params: run.function_vector(params, contexts))
