"""Draw estimates that were made to fail, with the verdict on each."""

from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.failures import failures
from stagewise.workflow.logs import log_to


def main(*, path_to_failures: str, path_to_png: str, path_to_pdf: str, path_to_data: str) -> None:
    """Draw every failure in the store."""
    drawn = failures(read_dataset(path_to_failures))
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_failures=snakemake.input.failures,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
