"""Draw test loss and LLC over training, with the stages of the shown run."""

from stagewise.development.layout import STAGES
from stagewise.plots.loss_and_llc import loss_and_llc
from stagewise.stores.files import read_dataset
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_metrics: list[str],
    paths_to_llc: list[str],
    paths_to_stages: list[str],
    run: str,
    settings: list[str],
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Sort estimates by the setting that they carry, and draw a column for each."""
    metrics = [read_dataset(path) for path in paths_to_metrics]
    llcs = [read_dataset(path) for path in paths_to_llc]
    stages = [STAGES.read(path) for path in paths_to_stages]
    drawn = loss_and_llc(
        metrics,
        {name: [llc for llc in llcs if llc.attrs["setting"] == name] for name in settings},
        {table["setting"].iloc[0]: table for table in stages},
        run,
    )
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_metrics=list(snakemake.input.metrics),
        paths_to_llc=list(snakemake.input.llc),
        paths_to_stages=list(snakemake.input.stages),
        run=snakemake.params.run,
        settings=snakemake.params.settings,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
