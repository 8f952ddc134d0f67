"""Read loss, norm and outputs off every checkpoint of a folder."""

from typing import Any

from stagewise.stores.provenance import provenance
from stagewise.studies.own.along import measure, one_sentence
from stagewise.studies.own.layout import METRICS
from stagewise.studies.own.subject import subject
from stagewise.workflow.jobs import job


def main(
    *,
    path_to_metrics: str,
    path_to_trajectory: str,
    name: str,
    settings: dict[str, Any],
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write metrics and trajectory, or end with the sentence that says which checkpoint is at fault."""
    attributes = {"run": name, "identity": identity, **provenance()}
    with one_sentence():
        built = subject(name, settings, {}, {}, root_seed=root_seed, device=device, identity=None)
        metrics = measure(built, path_to_trajectory, attributes)
        METRICS.write(path_to_metrics, metrics, attributes)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_metrics=snakemake.output.metrics,
            path_to_trajectory=snakemake.output.trajectory,
            name=snakemake.wildcards.run,
            settings=snakemake.params.settings,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            identity=snakemake.params.identity,
        )
