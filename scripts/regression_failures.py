"""Estimate LLCs of a regression run under settings that are chosen to fail."""

import pandas as pd
import xarray as xr

from stagewise.llc.estimate import full_loss
from stagewise.llc.failures import failing_estimate
from stagewise.llc.layout import LLC_FAILURES
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.files import write_dataset
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_failures: str,
    name: str,
    settings: dict,
    failures: dict,
    steps: dict,
    sizes: dict,
    num_samples: int,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Estimate one checkpoint a failure and write all of them with their verdicts."""
    run = RegressionRun.of(name, settings, root_seed, device)
    loss_fn, data = run.llc_target("all_positions", num_samples)
    untrained_loss = full_loss(loss_fn, run.initial(), data)
    estimates = []
    for failure, step in steps.items():
        params = run.params_at(path_to_checkpoints, step, identity)
        config = SGLDConfig(**failures[failure], **sizes, num_burnin=0)
        estimate = failing_estimate(
            loss_fn,
            params,
            data,
            config,
            untrained_loss=untrained_loss,
            key=run.sgld_key(step, "shared"),
        )
        estimates.append(estimate.assign(step=((), step, {"units": "step", "long_name": "step"})))
    joined = xr.concat(estimates, pd.Index(list(steps), name="failure"))
    attributes = {"run": name, "num_samples": num_samples, "identity": identity}
    store = LLC_FAILURES.check(joined)
    write_dataset(path_to_failures, store, {**attributes, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_failures=snakemake.output.failures,
        name=snakemake.wildcards.run,
        settings=snakemake.params.settings,
        failures=snakemake.params.failures,
        steps=snakemake.params.steps,
        sizes=snakemake.params.sizes,
        num_samples=snakemake.params.num_samples,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
