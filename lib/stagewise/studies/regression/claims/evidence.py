"""What the checks of the regression claims look at: runs with their metrics and LLC curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from stagewise.claims.missing import Missing, found
from stagewise.claims.reading import Paths, read_curves, read_runs
from stagewise.claims.run_evidence import RunEvidence
from stagewise.development.settings import StageSettings
from stagewise.llc.layout import AGREEMENT
from stagewise.llc.scale_layout import HESSIAN
from stagewise.stores.layout import StoreLayout
from stagewise.studies.regression.degeneracy_layout import DEGENERACY
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.structure_layout import STRUCTURE


@dataclass(frozen=True)
class RegressionEvidence:
    """Every run, and what its stages were found with.

    Parameters
    ----------
    runs : sequence of RunEvidence
        Metrics of layout `regression.layout.METRICS`.
    agreement : pandas.DataFrame
        Curves of a run compared in pairs; layout `llc.layout.AGREEMENT`.
    hessian : mapping of str to xarray.Dataset
        Trace and eigenvalues by run; layout `llc.scale_layout.HESSIAN`.
    noise_variance : float
        Variance of the label noise.
    published_types : str
        Stage types that the paper found, as in AABBA.
    stage_settings : StageSettings
        How milestones were found.
    draw_seed : int
        Seed of the posterior draws behind milestones.
    structure : mapping of str to Dataset
        Layout `regression.structure_layout.STRUCTURE`, by run.
    degeneracy : mapping of str to Dataset
        Layout `regression.degeneracy_layout.DEGENERACY`, by run.
    """

    runs: Sequence[RunEvidence]
    agreement: pd.DataFrame
    hessian: Mapping[str, xr.Dataset]
    noise_variance: float
    published_types: str
    stage_settings: StageSettings
    draw_seed: int
    structure: Mapping[str, xr.Dataset] = field(default_factory=dict)
    degeneracy: Mapping[str, xr.Dataset] = field(default_factory=dict)

    def of(self, variant: str, *settings: str) -> list[RunEvidence]:
        """Return the runs of a variant that have an LLC under all of the settings named."""
        return [
            run
            for run in self.runs
            if run.variant == variant and all(setting in run.curves for setting in settings)
        ]

    def structure_of(self, variant: str) -> dict[int, xr.Dataset]:
        """Return the structure of a variant's runs, by seed."""
        runs = [run for run in self.of(variant) if run.name in self.structure]
        return {run.seed: self.structure[run.name] for run in runs}

    def compared(self, first: str, second: str) -> pd.DataFrame:
        """Return the rows of `agreement` on two settings, one a run, in the order of the runs."""
        rows = self.agreement
        rows = rows[(rows["first"] == first) & (rows["second"] == second)].set_index("run")
        names = [run.name for run in self.of("base", first, second)]
        seeds = [run.seed for run in self.of("base", first, second)]
        return rows.loc[names].set_axis(seeds)


def read(
    metrics: Paths,
    llc: Paths,
    milestones: Paths,
    stages: Paths,
    agreement: Paths,
    hessian: Paths,
    structure: Paths,
    degeneracy: Paths,
    *,
    runs: Sequence[Mapping[str, Any]],
    curves: Sequence[Sequence[str]],
    noise_variance: float,
    published_types: str,
    stage_settings: Mapping[str, Any],
    draw_seed: int,
) -> RegressionEvidence:
    """Read the stores of all runs; see `claims.reading`.

    Raises
    ------
    stagewise.stores.files.StoreError
        If a store is missing or damaged, or breaks its layout.
    """
    known = read_curves(curves, llc, milestones, stages)
    compared = [found(AGREEMENT.read, path) for path in agreement]
    missing = [one for one in compared if isinstance(one, Missing)]
    listed = {name: tuple(stage_settings[name]) for name in ("length_scale_bounds", "leave_out")}
    return RegressionEvidence(
        read_runs(runs, metrics, METRICS, known),
        missing[0] if missing else pd.concat(compared or [AGREEMENT.empty()]),
        _by_run(HESSIAN, hessian),
        noise_variance,
        published_types,
        StageSettings(**{**stage_settings, **listed}),
        draw_seed,
        _by_run(STRUCTURE, structure),
        _by_run(DEGENERACY, degeneracy),
    )


def _by_run(layout: StoreLayout, paths: Paths) -> dict[str, Any]:
    """Read one store of each run; one that holds no answer is known by its folder."""
    stores = {Path(path).parent.name: found(layout.read, path) for path in paths}
    return {
        folder if isinstance(store, Missing) else str(store.attrs["run"]): store
        for folder, store in stores.items()
    }
