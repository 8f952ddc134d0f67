"""Sweep the sampler's settings on a model that needs no store: it is built, or trained on the spot."""

import torch

from stagewise.core.seeding import StreamKey
from stagewise.llc.calibration import sweep
from stagewise.llc.layout import SWEEP
from stagewise.llc.settings import Grid, SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.instruments.calibration_subjects import modular, reduced_rank
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_sweep: str,
    subject: str,
    model: dict,
    shares: list,
    grid: dict,
    sampler: dict,
    root_seed: int,
) -> None:
    """Estimate every cell of the grid at every checkpoint."""
    torch.set_num_threads(1)
    key = StreamKey(root_seed, ("calibration", subject))
    own = key.child("model")
    built = reduced_rank(model, own) if subject == "rrr" else modular(model, shares, own)
    base = SGLDConfig(**sampler, step_size=1.0, n_beta=1.0, localization=1.0)
    axes = Grid(**{axis: tuple(values) for axis, values in grid.items()})
    swept = sweep(built, axes, base, key.child("sgld"))
    SWEEP.write(path_to_sweep, swept, {**swept.attrs, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_sweep=snakemake.output.sweep,
        subject=snakemake.wildcards.subject,
        model=snakemake.params.model,
        shares=snakemake.params.shares,
        grid=snakemake.params.grid,
        sampler=snakemake.params.sampler,
        root_seed=snakemake.params.root_seed,
    )
