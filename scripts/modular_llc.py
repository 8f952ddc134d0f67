"""Estimate the LLC of some settings of the modular-addition study along training."""

import torch

from stagewise.llc.layout import LLC
from stagewise.stores.checkpoints import read_checkpoints
from stagewise.stores.groups import read_groups, write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.curves_layout import CURVES
from stagewise.studies.modular.llc import llc_along
from stagewise.studies.modular.program import Setting, study_key
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_curves: str,
    path_to_checkpoints: str,
    path_to_llc: str,
    settings: dict,
    num_seeds: int,
    sampler: dict,
    root_seed: int,
) -> None:
    """Write one group a run, named by setting and seed, over all its checkpoints."""
    torch.set_num_threads(1)
    curves = read_groups(path_to_curves, CURVES)
    key = study_key(root_seed)
    estimates = {}
    for name, entry in settings.items():
        checkpoints = read_checkpoints(path_to_checkpoints, curves[name].attrs["identity"], name)
        setting = Setting.of(name, entry)
        for seed in range(num_seeds):
            estimates[f"{name}-s{seed}"] = llc_along(setting, checkpoints, key, seed, sampler)
    write_groups(path_to_llc, estimates, provenance(), LLC)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_curves=snakemake.input.curves,
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_llc=snakemake.output.llc,
        settings=snakemake.params.settings,
        num_seeds=snakemake.params.num_seeds,
        sampler=snakemake.params.sampler,
        root_seed=snakemake.params.root_seed,
    )
