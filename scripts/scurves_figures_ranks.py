"""Draw high and full rank of the S-curve study."""

from stagewise.stores.groups import read_groups
from stagewise.studies.scurves.figures.ranks import full_rank, high_rank
from stagewise.studies.scurves.layout import CURVES, MEASURES
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_curves: list[str],
    path_to_measures: str,
    shown_seed: int,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures s4 and s5, in this order of the paths."""
    curves = {name: d for path in paths_to_curves for name, d in read_groups(path, CURVES).items()}
    measures = MEASURES.read(path_to_measures)
    paths = zip(paths_to_png, paths_to_pdf, paths_to_data, strict=True)
    for draw, files in zip((high_rank, full_rank), paths, strict=True):
        draw(curves, measures, shown_seed).write(*files)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_curves=list(snakemake.input.curves),
        path_to_measures=snakemake.input.measures,
        shown_seed=snakemake.params.shown_seed,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
