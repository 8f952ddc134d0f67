"""Draw the chains behind three LLC estimates of one run, one column a sampler setting."""

from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.traces import traces
from stagewise.workflow.logs import log_to


def main(*, paths_to_llc: list[str], path_to_png: str, path_to_pdf: str, path_to_data: str) -> None:
    """Draw checkpoints that the first setting chooses."""
    llcs = [read_dataset(path) for path in paths_to_llc]
    drawn = traces({llc.attrs["setting"]: llc for llc in llcs})
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_llc=list(snakemake.input.llc),
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
