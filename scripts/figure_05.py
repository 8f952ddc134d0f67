"""Draw what the regression transformer does over training."""

from stagewise.development.layout import STAGES
from stagewise.stores.files import read_dataset
from stagewise.studies.regression.figures.behaviour import behaviour
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_metrics: str,
    paths_to_finite: list[str],
    path_to_stages: str,
    noise_variance: float,
    dimension: int,
    num_tasks: int | None,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Draw the shown run, and beside it the runs with a finite set of tasks."""
    drawn = behaviour(
        read_dataset(path_to_metrics),
        [read_dataset(path) for path in paths_to_finite],
        STAGES.read(path_to_stages),
        noise_variance=noise_variance,
        dimension=dimension,
        num_tasks=num_tasks,
    )
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_metrics=snakemake.input.metrics,
        paths_to_finite=list(snakemake.input.finite),
        path_to_stages=snakemake.input.stages,
        noise_variance=snakemake.params.noise_variance,
        dimension=snakemake.params.dimension,
        num_tasks=snakemake.params.num_tasks,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
