"""Draw what the S-curve study measures over all seeds."""

from stagewise.stores.groups import read_groups
from stagewise.studies.scurves.figures.counts import (
    bumps,
    one_component,
    plateau_lengths,
    self_term,
)
from stagewise.studies.scurves.layout import CURVES, MEASURES
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_curves: list[str],
    path_to_measures: str,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures s1, s11, s12 and s13, in this order of the paths."""
    curves = {name: d for path in paths_to_curves for name, d in read_groups(path, CURVES).items()}
    measures = MEASURES.read(path_to_measures)
    drawn = (
        one_component(curves, measures),
        plateau_lengths(measures),
        bumps(measures),
        self_term(curves),
    )
    paths = zip(paths_to_png, paths_to_pdf, paths_to_data, strict=True)
    for figure, files in zip(drawn, paths, strict=True):
        figure.write(*files)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_curves=list(snakemake.input.curves),
        path_to_measures=snakemake.input.measures,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
