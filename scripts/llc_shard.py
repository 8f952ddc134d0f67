"""Estimate the LLC of one shard of a run's checkpoints under one sampler setting."""

from typing import Any

from stagewise.llc.along import llc_shard
from stagewise.llc.estimate_layout import LLC_SHARD
from stagewise.llc.kept import EstimateFiles
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.stores.seals import content_of
from stagewise.studies.subjects import subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_shard: str,
    study: str,
    name: str,
    setting: str,
    steps: list[int],
    subject: dict[str, Any],
    sampler: dict[str, Any],
    sampling: dict[str, Any],
    root_seed: int,
    device: str,
    code: dict[str, str],
) -> None:
    """Estimate each checkpoint on its own, so that the shard's size cannot matter, and keep each."""
    built = subject_of(study, name, paths=paths, root_seed=root_seed, device=device, **subject)
    data = {name: content_of(path) for name, path in paths.items()}
    streams = {"noise": sampling["noise"], "root_seed": root_seed}
    made_of = {"sampler": sampler, **streams, "data": data, "code": code}
    kept = EstimateFiles.beside(path_to_shard, steps, subject, **made_of)
    shard = llc_shard(built, steps, SGLDConfig(**sampler), **sampling, kept=kept)
    stated = {"setting": setting, "identity": subject["identity"], **subject["measured"]}
    known = {key: value for key, value in stated.items() if value is not None}
    LLC_SHARD.write(path_to_shard, shard, {**known, **shard.attrs, **provenance()})


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_shard=snakemake.output.shard,
            study=snakemake.wildcards.study,
            name=snakemake.wildcards.run,
            setting=snakemake.wildcards.setting,
            steps=snakemake.params.steps,
            subject=snakemake.params.subject,
            sampler=snakemake.params.sampler,
            sampling=snakemake.params.sampling,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
            code=snakemake.params.code,
        )
