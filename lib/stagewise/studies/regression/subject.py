"""A run of the regression study as a subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewise.core.subject import Subject
from stagewise.stores.checkpoints import network_along
from stagewise.studies.regression.study import RegressionRun


def subject(
    name: str,
    settings: Mapping[str, Any],
    paths: Mapping[str, str],
    measured: Mapping[str, Any],
    *,
    root_seed: int,
    device: str,
    identity: str,
) -> Subject:
    """Return a trained run of the study; see `studies.subjects.subject_of`.

    Parameters
    ----------
    name, settings, root_seed, device, identity
        As there; for settings see `RegressionRun.of`.
    paths : mapping of str to str
        ``checkpoints``.
    measured : mapping
        ``loss`` and ``num_samples``; see `RegressionRun.llc_target`.
    """
    run = RegressionRun.of(name, settings, root_seed, device)
    loss_fn, samples = run.llc_target(measured["loss"], measured["num_samples"])
    contexts = run.fixed_contexts("trajectory", settings["trajectory"]["num_contexts"])
    return Subject(
        name,
        *network_along(paths["checkpoints"], identity, device),
        loss_fn,
        samples,
        key=run.key,
        constant_loss=run.task.dimension + run.task.noise_variance,
        function_vector=lambda params: run.function_vector(params, contexts),
    )
