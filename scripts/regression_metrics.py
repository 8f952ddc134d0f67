"""Measure every checkpoint of one regression run on the fixed evaluation set."""

from stagewise.stores.checkpoints import each_checkpoint
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.layout import METRICS
from stagewise.studies.regression.metrics import along_steps, evaluation_of
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_checkpoints: str,
    path_to_metrics: str,
    name: str,
    seed: int,
    settings: dict,
    evaluation: dict,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write the run's metrics along its checkpoints."""
    run = RegressionRun.of(name, settings, root_seed, device)
    instrument = evaluation_of(run, **evaluation)
    checkpoints = each_checkpoint(path_to_checkpoints, identity, device)
    joined = along_steps(instrument, run.network, checkpoints)
    attributes = {"run": name, "seed": seed, "identity": identity, "evaluation": evaluation}
    METRICS.write(path_to_metrics, joined, {**attributes, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_checkpoints=snakemake.input.checkpoints,
            path_to_metrics=snakemake.output.metrics,
            name=snakemake.wildcards.run,
            seed=snakemake.params.seed,
            settings=snakemake.params.settings,
            evaluation=snakemake.params.evaluation,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
