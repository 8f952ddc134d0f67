"""Estimate LLCs of a regression run under settings that are chosen to fail."""

from typing import Any

import pandas as pd
import xarray as xr

from stagewise.llc.along import sgld_key, untrained_loss_of
from stagewise.llc.failures import failing_estimate
from stagewise.llc.layout import LLC_FAILURES
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.subject import subject as subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_failures: str,
    name: str,
    subject: dict[str, Any],
    failures: dict,
    steps: dict,
    sizes: dict,
    root_seed: int,
    device: str,
) -> None:
    """Estimate one checkpoint a failure and write all of them with their verdicts."""
    built = subject_of(name, paths=paths, root_seed=root_seed, device=device, **subject)
    untrained_loss = untrained_loss_of(built)
    estimates = []
    for failure, step in steps.items():
        config = SGLDConfig(**failures[failure], **sizes, num_burnin=0)
        key = sgld_key(built, step, "shared")
        estimates.append(
            failing_estimate(built, step, config, untrained_loss=untrained_loss, key=key)
        )
    joined = xr.concat(estimates, pd.Index(list(steps), name="failure"))
    stated = {"run": name, "num_samples": built.num_samples, "identity": subject["identity"]}
    LLC_FAILURES.write(path_to_failures, joined, {**stated, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_failures=snakemake.output.failures,
            name=snakemake.wildcards.run,
            subject=snakemake.params.subject,
            failures=snakemake.params.failures,
            steps=snakemake.params.steps,
            sizes=snakemake.params.sizes,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
