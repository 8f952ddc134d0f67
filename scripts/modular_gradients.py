"""Follow the gradients of some settings of the modular-addition study along training."""

import torch

from stagewise.stores.checkpoints import read_checkpoints
from stagewise.stores.groups import read_groups, write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.modular.gradients import gradients_along
from stagewise.studies.modular.layout import CURVES, GRADIENTS
from stagewise.studies.modular.program import Setting, study_key
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_curves: str,
    path_to_checkpoints: str,
    path_to_along: str,
    settings: dict,
    num_seeds: int,
    mode_multiple: float,
    root_seed: int,
) -> None:
    """Write one group a setting, over its first seeds and all its checkpoints."""
    torch.set_num_threads(1)
    curves = read_groups(path_to_curves, CURVES)
    key, seeds = study_key(root_seed), range(num_seeds)
    along = {}
    for name, entry in settings.items():
        checkpoints = read_checkpoints(path_to_checkpoints, curves[name].attrs["identity"], name)
        setting = Setting.of(name, entry)
        along[name] = gradients_along(setting, checkpoints, key, seeds, mode_multiple)
    write_groups(path_to_along, along, provenance(), GRADIENTS)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_curves=snakemake.input.curves,
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_along=snakemake.output.along,
        settings=snakemake.params.settings,
        num_seeds=snakemake.params.num_seeds,
        mode_multiple=snakemake.params.mode_multiple,
        root_seed=snakemake.params.root_seed,
    )
