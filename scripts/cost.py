"""Add up what the jobs of a preset have cost."""

from pathlib import Path

from lib.costs import cost_table, job_costs
from lib.logs import log_to
from lib.schemas import write_table


def main(*, path_to_logs: str, path_to_table: str, patterns: dict[str, str]) -> None:
    """Read every benchmark file below the folder of logs and write the sums."""
    files = list(Path(path_to_logs).rglob("*.benchmark.tsv"))
    write_table(path_to_table, cost_table(job_costs(files, patterns)), "cost")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_logs=snakemake.params.logs,
        path_to_table=snakemake.output.table,
        patterns=snakemake.params.patterns,
    )
