"""Estimate the LLC of some settings of the modular-addition study along training."""

import torch

from stagewise.stores.groups import read_settings, write_settings
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.llc import llc_along
from stagewise.studies.modular.settings import Setting, study_key
from stagewise.studies.modular.store import read_checkpoints
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
    curves = read_settings(path_to_curves, "modular_curves")
    key = study_key(root_seed)
    estimates = {}
    for name, entry in settings.items():
        checkpoints = read_checkpoints(path_to_checkpoints, name, curves[name].attrs["identity"])
        setting = Setting.of(name, entry)
        for seed in range(num_seeds):
            estimates[f"{name}-s{seed}"] = llc_along(setting, checkpoints, key, seed, sampler)
    write_settings(path_to_llc, estimates, provenance(), "llc")


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
