"""Estimate the LLC of one shard of checkpoints of a language model under one sampler setting."""

import xarray as xr

from stagewise.core.progress import Heartbeat
from stagewise.llc.estimate import estimate_llc
from stagewise.llc.layout import LLC_SHARD
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.language.behaviour import constant_predictor_loss
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.language.tokens import open_split
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_checkpoints: str,
    path_to_index: str,
    path_to_rows: str,
    path_to_shard: str,
    source: str,
    name: str,
    steps: list[int],
    settings: dict,
    sampler: dict,
    num_samples: int,
    chains_at_a_time: int | None,
    noise: str,
    loss: str,
    root_seed: int,
    device: str,
    identity: str,
) -> None:
    """Estimate each checkpoint on its own, so that the shard's size cannot matter."""
    run = LanguageRun.of(name, settings, root_seed, device)
    rows = open_split(path_to_rows, path_to_index, source, run.network.context_length)
    loss_fn, data = run.llc_target(rows, num_samples)
    config = SGLDConfig(**sampler)
    heartbeat = Heartbeat("checkpoint", len(steps), interval=0)
    estimates = []
    for count, step in enumerate(steps, start=1):
        params = run.params_at(path_to_checkpoints, step, identity)
        key = run.sgld_key(step, noise)
        estimate = estimate_llc(
            loss_fn, params, data, config, key=key, chains_at_a_time=chains_at_a_time
        )
        estimates.append(estimate.expand_dims(step=[step]))
        heartbeat.beat(
            count, f"step {step}: LLC {estimate.llc_mean:.2f} +- {estimate.llc_stderr:.2f}"
        )
    shard = xr.concat(estimates, "step", combine_attrs="drop_conflicts")
    attributes = {"run": name, "noise": noise, "loss": loss, "num_samples": num_samples}
    attributes |= {"identity": identity, "constant_loss": constant_predictor_loss(data[0])}
    LLC_SHARD.write(path_to_shard, shard, {**attributes, **provenance()})


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_checkpoints=snakemake.input.checkpoints,
        path_to_index=snakemake.input.index,
        path_to_rows=snakemake.input.rows,
        path_to_shard=snakemake.output.shard,
        source=snakemake.params.source,
        name=snakemake.wildcards.run,
        steps=snakemake.params.steps,
        settings=snakemake.params.settings,
        sampler=snakemake.params.sampler,
        num_samples=snakemake.params.num_samples,
        chains_at_a_time=snakemake.params.chains_at_a_time,
        noise=snakemake.params.noise,
        loss=snakemake.params.loss,
        root_seed=snakemake.params.root_seed,
        device=snakemake.params.device,
        identity=snakemake.params.identity,
    )
