"""Run every setting of one S-curve experiment for all its seeds."""

import logging

import torch

from stagewise.stores.groups import write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.scurves.curves_layout import CURVES
from stagewise.studies.scurves.experiment import run_setting
from stagewise.studies.scurves.settings import Setting
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_curves: str,
    experiment: str,
    settings: dict,
    common: dict,
    seeds_per_batch: int,
    root_seed: int,
) -> None:
    """Write the curves of each setting; a run that diverged is marked."""
    torch.set_num_threads(1)
    curves, shared = {}, {**common, "seeds_per_batch": seeds_per_batch}
    for name, entry in settings.items():
        curves[name] = run_setting(Setting.of(name, entry, common), shared, root_seed)
        diverged = int(curves[name]["diverged"].sum())
        logging.info("%s: %d of %d runs diverged", name, diverged, curves[name]["diverged"].size)
    attributes = {"experiment": experiment, "root_seed": root_seed, **provenance()}
    write_groups(path_to_curves, curves, attributes, CURVES)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_curves=snakemake.output.curves,
            experiment=snakemake.wildcards.experiment,
            settings=snakemake.params.settings,
            common=snakemake.params.common,
            seeds_per_batch=snakemake.params.seeds_per_batch,
            root_seed=snakemake.params.root_seed,
        )
