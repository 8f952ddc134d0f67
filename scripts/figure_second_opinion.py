"""Draw SGLD against Hamiltonian Monte Carlo."""

from stagewise.exact.layout import SECOND_OPINION
from stagewise.studies.instruments.figures.second_opinion import samplers_compared
from stagewise.workflow.logs import log_to


def main(*, path_to_table: str, path_to_png: str, path_to_pdf: str, path_to_data: str) -> None:
    """Draw every model."""
    drawn = samplers_compared(SECOND_OPINION.read(path_to_table))
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_table=snakemake.input.table,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
