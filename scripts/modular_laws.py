"""Fit laws of the time to generalise against the share of data."""

from stagewise.studies.modular.layout import LAWS, RUNS
from stagewise.studies.modular.scaling import law_table
from stagewise.workflow.logs import log_to


def main(*, path_to_runs: str, path_to_laws: str, level: float) -> None:
    """Write every law of each modulus, and the interval of the shape at a level."""
    LAWS.write(path_to_laws, law_table(RUNS.read(path_to_runs), level))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_runs=snakemake.input.runs,
        path_to_laws=snakemake.output.laws,
        level=snakemake.params.level,
    )
