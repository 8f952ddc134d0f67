"""Draw a sweep of the sampler's settings and the choice from it."""

from stagewise.llc.layout import CALIBRATION
from stagewise.stores.files import read_dataset
from stagewise.studies.instruments.figures.calibration import calibration
from stagewise.workflow.logs import log_to


def main(
    *, path_to_sweep: str, path_to_table: str, path_to_png: str, path_to_pdf: str, path_to_data: str
) -> None:
    """Draw traces and verdicts."""
    drawn = calibration(read_dataset(path_to_sweep), CALIBRATION.read(path_to_table))
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_sweep=snakemake.input.sweep,
        path_to_table=snakemake.input.table,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
