"""A run of the regression study as a subject of calibration."""

from __future__ import annotations

from collections.abc import Sequence

from stagewise.llc.calibration import Subject
from stagewise.llc.estimate import full_loss
from stagewise.studies.regression.study import RegressionRun


def transformer(
    run: RegressionRun,
    path_to_checkpoints: str,
    steps: Sequence[int],
    num_samples: int,
    identity: str,
) -> Subject:
    """Return a run of the regression study at some of its checkpoints.

    Parameters
    ----------
    run : RegressionRun
    path_to_checkpoints : str
    steps : sequence of int
        In the order of time.
    num_samples : int
        n of the fixed set.
    identity : str
        Identity of the run, which the store must have.
    """
    loss_fn, data = run.llc_target("all_positions", num_samples)
    checkpoints = {step: run.params_at(path_to_checkpoints, step, identity) for step in steps}
    return Subject(
        "transformer", loss_fn, data, checkpoints, full_loss(loss_fn, run.initial(), data)
    )
