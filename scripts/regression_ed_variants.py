"""Essential dynamics of outputs, weights and gradients of one regression run."""

from stagewise.stores.checkpoints import each_checkpoint
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.ed_variants import ed_variants
from stagewise.studies.regression.ed_variants_layout import ED_VARIANTS
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_checkpoints: str,
    path_to_store: str,
    name: str,
    settings: dict,
    num_components: int,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the components of each kind of vector along the run's checkpoints."""
    run = RegressionRun.of(name, settings, root_seed, device)
    contexts = run.fixed_contexts("trajectory", settings["trajectory"]["num_contexts"])
    checkpoints = each_checkpoint(path_to_checkpoints, identity, device)
    found = ed_variants(run, checkpoints, contexts, num_components)
    ED_VARIANTS.write(path_to_store, found, {**found.attrs, "identity": identity, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_checkpoints=snakemake.input.checkpoints,
            path_to_store=snakemake.output.store,
            name=snakemake.wildcards.run,
            settings=snakemake.params.settings,
            num_components=snakemake.params.num_components,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
