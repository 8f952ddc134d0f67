"""Estimate the LLC of parts of a regression network."""

from typing import Any

from stagewise.llc.settings import SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.degeneracy_layout import LLC_REFINED
from stagewise.studies.regression.refined_llc import refined_llc
from stagewise.studies.regression.settings import NetworkSettings
from stagewise.studies.regression.subject import subject as subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_store: str,
    name: str,
    subject: dict[str, Any],
    sampler: dict[str, Any],
    steps: list[int],
    root_seed: int,
    device: str,
) -> None:
    """Write the estimates at each of the steps."""
    built = subject_of(name, paths=paths, root_seed=root_seed, device=device, **subject)
    network = NetworkSettings(**subject["settings"]["network"])
    store = refined_llc(built, network, steps, SGLDConfig(**sampler))
    attributes = {**store.attrs, "identity": subject["identity"], **provenance()}
    LLC_REFINED.write(path_to_store, store, attributes)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_store=snakemake.output.store,
            name=snakemake.wildcards.run,
            subject=snakemake.params.subject,
            sampler=snakemake.params.sampler,
            steps=snakemake.params.steps,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
