"""A run of the language study as a subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stagewise.core.subject import Subject
from stagewise.stores.checkpoints import network_along
from stagewise.stores.data import identity_with
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import constant_predictor_loss, open_split


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
        As there; for settings see `LanguageRun.of`.
    paths : mapping of str to str
        ``checkpoints``, and ``rows`` with their ``index``.
    measured : mapping
        ``source``, the split that the rows are of, and ``num_samples``; see `LanguageRun.llc_target`.
    """
    run = LanguageRun.of(name, settings, root_seed, device)
    rows = open_split(paths["rows"], paths["index"], measured["source"], run.network.context_length)
    loss_fn, samples = run.llc_target(rows, measured["num_samples"])
    return Subject(
        name,
        *network_along(paths["checkpoints"], identity_with(identity, paths["index"]), device),
        loss_fn,
        samples,
        key=run.key,
        constant_loss=constant_predictor_loss(samples[0]),
    )
