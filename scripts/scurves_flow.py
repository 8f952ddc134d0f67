"""Integrate the gradient flow from the initial vectors of some settings."""

from dataclasses import replace

from stagewise.stores.groups import write_groups
from stagewise.stores.provenance import provenance
from stagewise.studies.scurves.layout import FLOW
from stagewise.studies.scurves.overlay import flow_of_setting
from stagewise.studies.scurves.settings import Setting
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_flow: str,
    settings: dict,
    common: dict,
    num_seeds: int,
    root_seed: int,
) -> None:
    """Write the flow of each setting for its first seeds."""
    flows = {}
    for name, entry in settings.items():
        setting = Setting.of(name, entry, common)
        few = replace(setting, num_seeds=min(num_seeds, setting.num_seeds))
        flows[name] = flow_of_setting(few, common["records"], root_seed)
    attributes = {"root_seed": root_seed, **provenance()}
    write_groups(path_to_flow, flows, attributes, FLOW)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_flow=snakemake.output.flow,
            settings=snakemake.params.settings,
            common=snakemake.params.common,
            num_seeds=snakemake.params.num_seeds,
            root_seed=snakemake.params.root_seed,
        )
