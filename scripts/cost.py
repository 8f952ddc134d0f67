"""Add up what the jobs of a preset have cost."""

from pathlib import Path

from stagewise.workflow.costs import cost_table, job_costs
from stagewise.workflow.jobs import begin
from stagewise.workflow.layout import COST


def main(*, path_to_logs: str, path_to_table: str, patterns: dict[str, str]) -> None:
    """Read every benchmark file below the folder of logs and write the sums."""
    files = list(Path(path_to_logs).rglob("*.benchmark.tsv"))
    COST.write(path_to_table, cost_table(job_costs(files, patterns)))


if __name__ == "__main__":
    begin(snakemake.log[0], snakemake.params.owners)
    main(
        path_to_logs=snakemake.params.logs,
        path_to_table=snakemake.output.table,
        patterns=snakemake.params.patterns,
    )
