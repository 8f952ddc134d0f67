"""Test the claims of one study on its stores."""

from importlib import import_module
from typing import Any

from stagewise.claims.layout import CLAIMS
from stagewise.claims.registry import check_entries, checks_of, verdict_table
from stagewise.workflow.jobs import begin


def main(
    *,
    study: str,
    stores: dict[str, Any],
    facts: dict[str, Any],
    entries: dict[str, Any],
    preset: str,
    path_to_claims: str,
) -> None:
    """Write one row a claim; `stores` and `facts` are what the study's evidence is read from."""
    package = f"stagewise.studies.{study}.claims"
    checks = checks_of(package)
    check_entries(entries, checks)
    evidence = import_module(package).read(**stores, **facts)
    CLAIMS.write(path_to_claims, verdict_table(entries, checks, evidence, preset))


if __name__ == "__main__":
    begin(snakemake.log[0], snakemake.params.owners)
    main(
        study=snakemake.wildcards.study,
        stores={
            name: value if isinstance(value, str) else list(value)
            for name, value in snakemake.input.items()
        },
        facts=snakemake.params.facts,
        entries=snakemake.params.entries,
        preset=snakemake.params.preset,
        path_to_claims=snakemake.output.claims,
    )
