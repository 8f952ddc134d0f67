"""Sweep the sampler's settings on one of the models that calibration is shown on."""

from importlib import import_module
from typing import Any

import torch

from stagewise.llc.calibration import sweep
from stagewise.llc.layout import SWEEP
from stagewise.llc.settings import Grid, SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_sweep: str,
    subject: str,
    given: dict[str, Any],
    grid: dict,
    sampler: dict,
    root_seed: int,
) -> None:
    """Estimate every cell of the grid at every checkpoint; `given` is what the subject is made of."""
    torch.set_num_threads(1)
    module = import_module(f"stagewise.studies.instruments.subjects.{subject}")
    base = SGLDConfig(**sampler, step_size=1.0, n_beta=1.0, localization=1.0)
    axes = Grid(**{axis: tuple(values) for axis, values in grid.items()})
    swept = module.swept(paths, root_seed=root_seed, **given)
    found = sweep(swept.subject, swept.steps, swept.key, axes, base)
    known: dict[str, Any] = {key: given[key] for key in ("run", "identity") if key in given}
    SWEEP.write(path_to_sweep, found, {**known, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_sweep=snakemake.output.sweep,
            subject=snakemake.wildcards.subject,
            given=snakemake.params.given,
            grid=snakemake.params.grid,
            sampler=snakemake.params.sampler,
            root_seed=snakemake.params.root_seed,
        )
