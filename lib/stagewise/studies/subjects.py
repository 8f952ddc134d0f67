"""The runs of every study as subjects, by the names of study and run."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from stagewise.core.subject import Subject


def subject_of(
    study: str,
    name: str,
    *,
    settings: Mapping[str, Any],
    paths: Mapping[str, str],
    measured: Mapping[str, Any],
    root_seed: int,
    device: str,
    identity: str | None = None,
) -> Subject:
    """Return a trained run of a study; parameters are read when they are asked for.

    It is made by ``subject`` in ``studies/<study>/subject.py``, which takes all but the first argument.

    Parameters
    ----------
    study : str
    name : str
        Run id.
    settings : mapping
        The run's, as its training takes them.
    paths : mapping of str to str
        ``checkpoints``, and what else the study reads.
    measured : mapping
        What the loss is measured on, in words of the study.
    root_seed : int
    device : str
        "cpu" or "cuda".
    identity : str, optional
        Identity that the checkpoints must carry, where it does not follow from `settings`.
    """
    subject: Subject = import_module(f"stagewise.studies.{study}.subject").subject(
        name,
        settings=settings,
        paths=paths,
        measured=measured,
        root_seed=root_seed,
        device=device,
        identity=identity,
    )
    return subject
