"""Draw losses, LLCs and essential dynamics of language models."""

from stagewise.development.layout import MILESTONES, STAGES
from stagewise.stores.files import read_dataset
from stagewise.studies.language.figures.curves import Development, curve_figures
from stagewise.workflow.logs import log_to

TABLES = {"milestones": MILESTONES, "stages": STAGES}


def main(
    *,
    paths: dict[str, list[str]],
    runs: list[str],
    settings: list[str],
    tolerance: float,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures 1a, 2a, 6a, 12 and 21, in this order of the paths.

    Paths of stores are in the order of runs, two layers first, and of settings within each.
    """

    def of(run: int, name: str) -> dict:
        own = paths[name][run * len(settings) : (run + 1) * len(settings)]
        tables = name in TABLES
        return {
            setting: TABLES[name].read(path) if tables else read_dataset(path)
            for setting, path in zip(settings, own, strict=True)
        }

    names = ("llc", "curves", "milestones", "stages")
    two, one = (
        Development(read_dataset(paths["metrics"][run]), *(of(run, name) for name in names))
        for run in range(len(runs))
    )
    ed, forms = (read_dataset(paths[name][0]) for name in ("ed", "forms"))
    figures = curve_figures(two, one, ed, forms, tolerance)
    for drawn, *outputs in zip(figures, paths_to_png, paths_to_pdf, paths_to_data, strict=True):
        drawn.write(*outputs)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = ("metrics", "llc", "curves", "milestones", "stages", "ed", "forms")
    main(
        paths={name: list(snakemake.input[name]) for name in names},
        runs=snakemake.params.runs,
        settings=snakemake.params.settings,
        tolerance=snakemake.params.tolerance,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
