"""Runs of the regression study at the start of their training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch

from stagewise.core.descent import Descent
from stagewise.core.network import NetworkTraining, network_descent, refuse_loss
from stagewise.core.network_program import ProgramDescent
from stagewise.core.programs import runs_in_blocks
from stagewise.core.replicas import ParameterLayout
from stagewise.studies.regression.study import RegressionRun

BLOCK_STEPS = 500
"""Updates whose batches a GPU draws at a time: 20 MB a network at the published size."""


def network_trainings(
    names: Sequence[str],
    settings: Mapping[str, Any],
    root_seed: int,
    device: str,
    data: Mapping[str, str],
) -> list[NetworkTraining]:
    """Return the trainings of runs that differ in their streams alone; there are no files of data.

    Several networks are one program, and so on a GPU; on a CPU they are trained one by one.
    """
    runs = [RegressionRun.of(name, settings, root_seed, device) for name in names]
    first, tasks = runs[0], [run.tasks() for run in runs]
    layout = ParameterLayout.of(first.initial())
    contexts = [
        run.fixed_contexts("trajectory", settings["trajectory"]["num_contexts"]) for run in runs
    ]
    descent: Descent
    if runs_in_blocks(device):
        descent = ProgramDescent(
            first.loss,
            layout,
            torch.stack([layout.flatten(run.initial()) for run in runs]),
            [partial(run.training_block, tasks=own) for run, own in zip(runs, tasks, strict=True)],
            first.training,
            BLOCK_STEPS,
            # One that diverges leaves the others alone; `NetworkTraining.divergence` says so.
            partial(refuse_loss, first.training) if len(runs) == 1 else None,
        )
    else:
        if len(runs) > 1:
            raise ValueError("several networks are trained together on a GPU alone")
        descent = network_descent(
            first.loss,
            layout,
            layout.flatten(first.initial()),
            lambda step: first.training_batch(step, tasks[0]),
            first.training,
        )
    return [
        NetworkTraining(layout, descent, partial(run.function_vector, contexts=some), replica)
        for replica, (run, some) in enumerate(zip(runs, contexts, strict=True))
    ]


def network_training(
    name: str, settings: Mapping[str, Any], root_seed: int, device: str, data: Mapping[str, str]
) -> NetworkTraining:
    """Return the training of one run."""
    (training,) = network_trainings([name], settings, root_seed, device, data)
    return training
