"""Draw the LLC of one run under several sampler settings, with the losses behind it."""

from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.settings_compared import settings_compared
from stagewise.workflow.logs import log_to


def main(*, paths_to_llc: list[str], path_to_png: str, path_to_pdf: str, path_to_data: str) -> None:
    """Draw a column a setting, in the order given."""
    llcs = [read_dataset(path) for path in paths_to_llc]
    drawn = settings_compared({llc.attrs["setting"]: llc for llc in llcs})
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_llc=list(snakemake.input.llc),
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
