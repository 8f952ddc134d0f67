"""Reading runs and their LLC curves, each store with its layout checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stagewise.claims.missing import Missing, found
from stagewise.claims.run_evidence import Curve, RunEvidence
from stagewise.development.layout import MILESTONES, STAGES
from stagewise.llc.layout import LLC
from stagewise.stores.files import StoreError
from stagewise.stores.layout import StoreLayout

Paths = Sequence[str | Path]


def read_curves(
    pairs: Sequence[Sequence[str]], llc: Paths, milestones: Paths, stages: Paths
) -> dict[str, dict[str, Curve]]:
    """Read LLC curves, by run and sampler setting; a store that holds no answer is `Missing`.

    Parameters
    ----------
    pairs : sequence of (run, setting)
    llc, milestones, stages : sequence of path
        Files of each pair, in the same order.

    Raises
    ------
    stagewise.stores.files.StoreError
        If a file is missing, breaks its layout or belongs to another run or setting.
    ValueError
        If the lengths differ.
    """
    curves: dict[str, dict[str, Curve]] = {}
    for (run, setting), *paths in zip(pairs, llc, milestones, stages, strict=True):
        curve = Curve(
            found(LLC.read, paths[0]),
            found(MILESTONES.read, paths[1]),
            found(STAGES.read, paths[2]),
        )
        if not isinstance(curve.llc, Missing):
            _check_owner(paths[0], curve.llc.attrs.get("setting"), setting)
        for path, table in zip(paths[1:], (curve.milestones, curve.stages), strict=True):
            if isinstance(table, Missing):
                continue
            for owner in table[["run", "setting"]].drop_duplicates().itertuples(index=False):
                _check_owner(path, "/".join(owner), f"{run}/{setting}")
        curves.setdefault(run, {})[setting] = curve
    return curves


def read_runs(
    runs: Sequence[Mapping[str, Any]],
    metrics: Paths,
    layout: StoreLayout,
    curves: Mapping[str, Mapping[str, Curve]],
) -> list[RunEvidence]:
    """Read what is known of every run.

    Parameters
    ----------
    runs : sequence of mapping
        ``name``, ``variant`` and ``seed`` of each run.
    metrics : sequence of path
        Metrics of each run, in the same order.
    layout : StoreLayout
        Of the metrics.
    curves : mapping
        Result of `read_curves`.

    Raises
    ------
    stagewise.stores.files.StoreError
        If a file is missing, breaks its layout or belongs to another run.
    """
    evidence = []
    for run, path in zip(runs, metrics, strict=True):
        name = run["name"]
        measured = found(layout.read, path)
        if not isinstance(measured, Missing):
            _check_owner(path, measured.attrs.get("run"), name)
        evidence.append(RunEvidence(**run, metrics=measured, curves=curves.get(name, {})))
    return evidence


def _check_owner(path: str | Path, owner: object, expected: str) -> None:
    if owner != expected:
        raise StoreError(f"{path} belongs to {owner}, not to {expected}: delete it and run again")
