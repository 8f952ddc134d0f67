"""Draw loss, LLC and weight norm of one run and setting, with their slopes."""

from stagewise.development.layout import MILESTONES, STAGES
from stagewise.plots.slopes import slopes
from stagewise.stores.files import read_dataset
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_metrics: str,
    path_to_llc: str,
    path_to_curve: str,
    path_to_milestones: str,
    path_to_stages: str,
    tolerance: float,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Draw with a near-plateau band of `tolerance` times the largest slope."""
    drawn = slopes(
        read_dataset(path_to_metrics),
        read_dataset(path_to_llc),
        read_dataset(path_to_curve),
        MILESTONES.read(path_to_milestones),
        STAGES.read(path_to_stages),
        tolerance,
    )
    drawn.write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_metrics=snakemake.input.metrics,
        path_to_llc=snakemake.input.llc,
        path_to_curve=snakemake.input.curve,
        path_to_milestones=snakemake.input.milestones,
        path_to_stages=snakemake.input.stages,
        tolerance=snakemake.params.tolerance,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
