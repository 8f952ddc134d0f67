"""Draw the milestones of every run and sampler setting beside the published ones."""

from stagewise.development.layout import MILESTONES, STAGES
from stagewise.studies.regression.figures.milestones import milestones
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_milestones: list[str],
    paths_to_stages: list[str],
    published: dict,
    path_to_png: str,
    path_to_pdf: str,
    path_to_data: str,
) -> None:
    """Pair milestones with stages, which come in the same order, and draw them."""
    pairs = zip(paths_to_milestones, paths_to_stages, strict=True)
    tables = [(MILESTONES.read(m), STAGES.read(s)) for m, s in pairs]
    milestones(tables, published).write(path_to_png, path_to_pdf, path_to_data)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_milestones=list(snakemake.input.milestones),
        paths_to_stages=list(snakemake.input.stages),
        published=snakemake.params.published,
        path_to_png=snakemake.output.png,
        path_to_pdf=snakemake.output.pdf,
        path_to_data=snakemake.output.data,
    )
