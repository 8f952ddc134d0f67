"""Draw the LLC of one run with shared against fresh noise."""

from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.compared import noise_compared
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_shared: str,
    path_to_fresh: str,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Draw both curves and how they change from one checkpoint to the next."""
    drawn = noise_compared(read_dataset(path_to_shared), read_dataset(path_to_fresh))
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_shared=snakemake.input.shared,
        path_to_fresh=snakemake.input.fresh,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
