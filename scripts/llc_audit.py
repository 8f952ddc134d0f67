"""Estimate single checkpoints again, alone and in reverse order, and compare with the stored LLC."""

from typing import Any

from stagewise.llc.along import audited
from stagewise.llc.layout import AUDIT, LLC
from stagewise.llc.settings import SGLDConfig
from stagewise.studies.subjects import subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_llc: str,
    path_to_audit: str,
    study: str,
    name: str,
    steps: list[int],
    subject: dict[str, Any],
    sampler: dict[str, Any],
    sampling: dict[str, Any],
    root_seed: int,
    device: str,
) -> None:
    """Write one row a checkpoint: whether every draw of every chain is the same number."""
    built = subject_of(study, name, paths=paths, root_seed=root_seed, device=device, **subject)
    again = audited(LLC.read(path_to_llc), built, steps[::-1], SGLDConfig(**sampler), **sampling)
    AUDIT.write(path_to_audit, again)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths={name: path for name, path in snakemake.input.items() if name != "llc"},
            path_to_llc=snakemake.input.llc,
            path_to_audit=snakemake.output.audit,
            study=snakemake.wildcards.study,
            name=snakemake.wildcards.run,
            steps=snakemake.params.steps,
            subject=snakemake.params.subject,
            sampler=snakemake.params.sampler,
            sampling=snakemake.params.sampling,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
