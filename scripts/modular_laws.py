"""Fit laws of the time to generalise against the share of data."""

from stagewise.studies.modular.layout import COMPARISON, LAWS, RUNS
from stagewise.studies.modular.scaling import comparison_table, law_table
from stagewise.workflow.jobs import job


def main(
    *, path_to_runs: str, path_to_laws: str, path_to_comparison: str, alpha: float, draws: int
) -> None:
    """Write every law of each modulus, and what simulations say of the comparison."""
    runs = RUNS.read(path_to_runs)
    LAWS.write(path_to_laws, law_table(runs))
    COMPARISON.write(path_to_comparison, comparison_table(runs, alpha, draws))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_runs=snakemake.input.runs,
            path_to_laws=snakemake.output.laws,
            path_to_comparison=snakemake.output.comparison,
            alpha=snakemake.params.alpha,
            draws=snakemake.params.draws,
        )
