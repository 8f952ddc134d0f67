"""Count the parameters of a regression network that no input reaches, along training."""

from stagewise.stores.checkpoints import each_checkpoint
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.degeneracy import degeneracy
from stagewise.studies.regression.degeneracy_layout import DEGENERACY
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_checkpoints: str,
    path_to_store: str,
    name: str,
    settings: dict,
    steps: list[int],
    num_contexts: int,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the count at the first step and at each of the steps."""
    run = RegressionRun.of(name, settings, root_seed, device)
    contexts = run.fixed_contexts("structure", num_contexts)
    wanted = {0, *steps}
    checkpoints = (
        one for one in each_checkpoint(path_to_checkpoints, identity, device) if one[0] in wanted
    )
    found = degeneracy(checkpoints, run.network, contexts)
    attributes = {**found.attrs, "run": name, "identity": identity}
    DEGENERACY.write(path_to_store, found, {**attributes, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_checkpoints=snakemake.input.checkpoints,
            path_to_store=snakemake.output.store,
            name=snakemake.wildcards.run,
            settings=snakemake.params.settings,
            steps=snakemake.params.steps,
            num_contexts=snakemake.params.num_contexts,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
