"""A folder of somebody's checkpoints as a subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stagewise.core.devices import require_device
from stagewise.core.seeding import StreamKey
from stagewise.core.subject import Subject
from stagewise.studies.own.factory import call_factory
from stagewise.studies.own.folder import OwnError, checkpoint_files


def subject(
    name: str,
    settings: Mapping[str, Any],
    paths: Mapping[str, str],
    measured: Mapping[str, Any],
    *,
    root_seed: int,
    device: str,
    identity: str | None,
) -> Subject:
    """Return what the factory makes of a folder; see `studies.subjects.subject_of`.

    Parameters
    ----------
    name, root_seed, device
        As there.
    settings : mapping
        ``factory``, ``folder`` and ``files``, as in the configuration.
    paths, measured, identity
        Of no use here: checkpoints are read from the folder, and the factory knows loss and samples.

    Raises
    ------
    OwnError
        If the factory or the folder cannot be used.
    """
    require_device(device)
    files = checkpoint_files(settings["folder"], settings["files"])
    built = call_factory(settings["factory"], files, device)
    if list(built.steps) != list(files):
        raise OwnError(
            f"{settings['factory']} returned a subject with steps {list(built.steps)[:5]}..., the "
            f"checkpoints are of {list(files)[:5]}...; pass on the checkpoints that it is given"
        )
    return replace(built, name=name, key=StreamKey(root_seed, ("own", name)))
