"""Compare bumps with Adam and with descent, and those of vectors that compete and that do not."""

from stagewise.studies.scurves.contrasts import contrast_table
from stagewise.studies.scurves.layout import CONTRASTS, MEASURES
from stagewise.workflow.jobs import job


def main(*, path_to_measures: str, path_to_contrasts: str, alpha: float) -> None:
    """Write a row a comparison."""
    CONTRASTS.write(path_to_contrasts, contrast_table(MEASURES.read(path_to_measures), alpha))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.output, snakemake.params.owners):
        main(
            path_to_measures=snakemake.input.measures,
            path_to_contrasts=snakemake.output.contrasts,
            alpha=snakemake.params.alpha,
        )
