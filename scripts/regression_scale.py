"""Estimate the LLC of a regression run over the scale gamma / n_beta, beside the soft count."""

from typing import Any

from stagewise.core.entries import build
from stagewise.llc.over_scale import llc_over_scale
from stagewise.llc.scale_layout import LLC_MEANING, LLC_SCALE, LLC_STATEMENTS
from stagewise.llc.scale_meaning import meaning_table, statement_table
from stagewise.llc.scale_settings import ScaleSettings
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.provenance import provenance
from stagewise.studies.regression.subject import subject as subject_of
from stagewise.workflow.jobs import job


def main(
    *,
    paths: dict[str, str],
    path_to_store: str,
    path_to_meaning: str,
    path_to_statements: str,
    name: str,
    subject: dict[str, Any],
    sampler: dict[str, Any],
    steps: list[int],
    scale: dict[str, Any],
    root_seed: int,
    device: str,
) -> None:
    """Write the estimates, what they mean at their scale, and which of their changes survive."""
    built = subject_of(name, paths=paths, root_seed=root_seed, device=device, **subject)
    settings = build(ScaleSettings, scale)
    base = SGLDConfig(**sampler)
    store = llc_over_scale(built, steps, base, settings.factors, settings.curvature)
    attributes = {**store.attrs, "identity": subject["identity"], **provenance()}
    LLC_SCALE.write(path_to_store, store, attributes)
    LLC_MEANING.write(path_to_meaning, meaning_table(store, settings.tolerated_change))
    LLC_STATEMENTS.write(path_to_statements, statement_table(store))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            paths=dict(snakemake.input.items()),
            path_to_store=snakemake.output.store,
            path_to_meaning=snakemake.output.meaning,
            path_to_statements=snakemake.output.statements,
            name=snakemake.wildcards.run,
            subject=snakemake.params.subject,
            sampler=snakemake.params.sampler,
            steps=snakemake.params.steps,
            scale=snakemake.params.scale,
            root_seed=snakemake.params.root_seed,
            device=snakemake.params.device,
        )
