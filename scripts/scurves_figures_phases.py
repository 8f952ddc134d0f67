"""Draw loss, lengths and alignment over time of the S-curve study."""

from stagewise.stores.groups import read_groups
from stagewise.studies.scurves.figures.phases import FIGURES, Material
from stagewise.studies.scurves.layout import CURVES, FLOW, MEASURES
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_curves: list[str],
    path_to_flow: str,
    path_to_measures: str,
    shown_seed: int,
    bump_prominence: float,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw each figure of `FIGURES`, in the order of the paths."""
    material = Material(
        {name: d for path in paths_to_curves for name, d in read_groups(path, CURVES).items()},
        read_groups(path_to_flow, FLOW),
        MEASURES.read(path_to_measures),
        shown_seed,
        bump_prominence,
    )
    paths = zip(paths_to_png, paths_to_pdf, paths_to_data, strict=True)
    for draw, files in zip(FIGURES.values(), paths, strict=True):
        draw(material).write(*files)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_curves=list(snakemake.input.curves),
        path_to_flow=snakemake.input.flow,
        path_to_measures=snakemake.input.measures,
        shown_seed=snakemake.params.shown_seed,
        bump_prominence=snakemake.params.bump_prominence,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
