"""Sweep the sampler's settings on a run of the regression study."""

import torch

from stagewise.llc.calibration import sweep
from stagewise.llc.layout import SWEEP
from stagewise.llc.settings import Grid, SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.study import RegressionRun
from stagewise.studies.regression.subject import transformer
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_sweep: str,
    name: str,
    settings: dict,
    steps: list,
    grid: dict,
    sampler: dict,
    num_samples: int,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Estimate every cell of the grid at every checkpoint."""
    torch.set_num_threads(1)
    run = RegressionRun.of(name, settings, root_seed, device)
    subject = transformer(run, path_to_checkpoints, steps, num_samples, identity)
    base = SGLDConfig(**sampler, step_size=1.0, n_beta=1.0, localization=1.0)
    axes = Grid(**{axis: tuple(values) for axis, values in grid.items()})
    swept = sweep(subject, axes, base, run.key.child("calibration"))
    attributes = {**swept.attrs, "run": name, "identity": identity, **provenance()}
    SWEEP.write(path_to_sweep, swept, attributes)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_sweep=snakemake.output.sweep,
        name=snakemake.params.run,
        settings=snakemake.params.settings,
        steps=snakemake.params.steps,
        grid=snakemake.params.grid,
        sampler=snakemake.params.sampler,
        num_samples=snakemake.params.num_samples,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
