"""Test every claim of the ledger on the stores of all runs."""

from typing import Any

from stagewise.claims.evidence import Evidence
from stagewise.claims.layout import CLAIMS
from stagewise.claims.ledger import check_claims, read_ledger
from stagewise.claims.reading import read_curves, read_runs
from stagewise.development.llc_curve import StageSettings
from stagewise.exact.layout import VALIDATION
from stagewise.studies.language.claims.evidence import LanguageEvidence
from stagewise.studies.language.layout import FORM_CONTENTS, METRICS
from stagewise.studies.modular.claims.evidence import ModularEvidence
from stagewise.studies.scurves.claims.evidence import ScurvesEvidence
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_ledger: str,
    path_to_schema: str,
    paths_to_metrics: list[str],
    paths_to_curves: dict[str, list[str]],
    paths_to_audits: dict[str, str],
    path_to_validation: str,
    path_to_scurves: str,
    paths_to_modular: list[str],
    paths_to_language: list[str],
    path_to_forms: str,
    path_to_claims: str,
    runs: list[dict[str, Any]],
    language_runs: list[dict[str, Any]],
    language_types: str,
    curves: list[list[str]],
    stages: dict[str, Any],
    preset: str,
    constants: dict[str, Any],
) -> None:
    """Write one row a claim."""
    ledger = read_ledger(path_to_ledger, path_to_schema)
    found = read_curves(curves, **paths_to_curves)
    language = read_runs(language_runs, paths_to_language, found, {}, METRICS)
    listed = {name: tuple(stages[name]) for name in ("length_scale_bounds", "leave_out")}
    evidence = Evidence(
        runs=read_runs(runs, paths_to_metrics, found, paths_to_audits),
        stage_settings=StageSettings(**{**stages, **listed}),
        validation=VALIDATION.read(path_to_validation),
        scurves=ScurvesEvidence.read(path_to_scurves),
        modular=ModularEvidence.read(*paths_to_modular),
        language=LanguageEvidence(language, FORM_CONTENTS.read(path_to_forms), language_types),
        **constants,
    )
    CLAIMS.write(path_to_claims, check_claims(ledger, evidence, preset))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_ledger=snakemake.input.ledger,
        path_to_schema=snakemake.input.schema,
        paths_to_metrics=list(snakemake.input.metrics),
        paths_to_curves={
            name: list(snakemake.input[name]) for name in ("llc", "milestones", "stages")
        },
        paths_to_audits=dict(zip(snakemake.params.audited, snakemake.input.audits, strict=True)),
        path_to_validation=snakemake.input.validation,
        path_to_scurves=snakemake.input.scurves,
        paths_to_modular=list(snakemake.input.modular),
        paths_to_language=list(snakemake.input.language),
        path_to_forms=snakemake.input.forms,
        path_to_claims=snakemake.output.claims,
        runs=snakemake.params.runs,
        language_runs=snakemake.params.language_runs,
        language_types=snakemake.params.language_types,
        curves=snakemake.params.curves,
        stages=snakemake.params.stages,
        preset=snakemake.params.preset,
        constants=snakemake.params.constants,
    )
