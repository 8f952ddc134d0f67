"""Estimate single checkpoints again, alone and in reverse order, and compare with the stored LLC."""

import numpy as np
import pandas as pd

from stagewise.llc.estimate import estimate_llc
from stagewise.llc.layout import AUDIT
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.files import read_dataset
from stagewise.studies.regression.study import RegressionRun
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_llc: str,
    path_to_audit: str,
    name: str,
    steps: list[int],
    settings: dict,
    sampler: dict,
    num_samples: int,
    noise: str,
    loss: str,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Write one row a checkpoint: whether every draw of every chain is the same number."""
    run = RegressionRun.of(name, settings, root_seed, device)
    loss_fn, data = run.llc_target(loss, num_samples)
    stored = read_dataset(path_to_llc)
    rows = []
    for step in reversed(steps):
        params = run.params_at(path_to_checkpoints, step, identity)
        key = run.sgld_key(step, noise)
        again = estimate_llc(loss_fn, params, data, SGLDConfig(**sampler), key=key)
        before = stored.sel(step=step)
        difference = np.abs(again["loss"].values - before["loss"].values).max()
        same = bool(np.array_equal(again["loss"], before["loss"], equal_nan=True))
        rows.append({"step": step, "identical": same, "largest_difference": float(difference)})
    AUDIT.write(path_to_audit, pd.DataFrame(rows))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_llc=snakemake.input.llc,
        path_to_audit=snakemake.output.audit,
        name=snakemake.wildcards.run,
        steps=snakemake.params.steps,
        settings=snakemake.params.settings,
        sampler=snakemake.params.sampler,
        num_samples=snakemake.params.num_samples,
        noise=snakemake.params.noise,
        loss=snakemake.params.loss,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
