"""Follow some settings of the modular-addition study along training: their modes, or gradients."""

from importlib import import_module

import torch

from stagewise.stores.checkpoints import read_checkpoints
from stagewise.stores.groups import read_groups, write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.layout import CURVES
from stagewise.studies.modular.program import Setting, study_key
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_curves: str,
    path_to_checkpoints: str,
    path_to_along: str,
    analysis: str,
    followed: dict,
    mode_factor: float,
    root_seed: int,
) -> None:
    """Write one group a setting, over its first seeds and all its checkpoints."""
    torch.set_num_threads(1)
    module = import_module(f"stagewise.studies.modular.{analysis}")
    curves = read_groups(path_to_curves, CURVES)
    key, seeds = study_key(root_seed), range(followed["num_seeds"])
    along = {}
    for name, entry in followed["settings"].items():
        checkpoints = read_checkpoints(path_to_checkpoints, curves[name].attrs["identity"], name)
        along[name] = module.along(Setting.of(name, entry), checkpoints, key, seeds, mode_factor)
    write_groups(path_to_along, along, provenance(), module.LAYOUT)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_curves=snakemake.input.curves,
            path_to_checkpoints=snakemake.input.checkpoints,
            path_to_along=snakemake.output.along,
            analysis=snakemake.wildcards.analysis,
            followed=snakemake.params.followed,
            mode_factor=snakemake.params.mode_factor,
            root_seed=snakemake.params.root_seed,
        )
