"""Look inside every checkpoint of one regression run."""

from stagewise.stores.checkpoints import each_checkpoint
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.structure import along_steps
from stagewise.studies.regression.structure_layout import STRUCTURE
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_checkpoints: str,
    path_to_structure: str,
    name: str,
    seed: int,
    settings: dict,
    structure: dict,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the run's structure along its checkpoints."""
    run = RegressionRun.of(name, settings, root_seed, device)
    contexts = run.fixed_contexts("structure", structure["num_contexts"])
    checkpoints = each_checkpoint(path_to_checkpoints, identity, device)
    found = along_steps(checkpoints, run.network, contexts, structure["label_threshold"])
    attributes = {"run": name, "seed": seed, "identity": identity}
    STRUCTURE.write(path_to_structure, found, {**attributes, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_checkpoints=snakemake.input.checkpoints,
            path_to_structure=snakemake.output.structure,
            name=snakemake.wildcards.run,
            seed=snakemake.params.seed,
            settings=snakemake.params.settings,
            structure=snakemake.params.structure,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
