"""Draw what the runs of the modular-addition study did: outcomes, times, early training."""

from stagewise.stores.groups import read_groups
from stagewise.studies.modular.figures.early import early_training
from stagewise.studies.modular.figures.phases import phase_diagrams
from stagewise.studies.modular.figures.runs import single_runs
from stagewise.studies.modular.figures.sweeps import equal_flow, without_decay
from stagewise.studies.modular.figures.times import scales_and_decay, times_on_shares
from stagewise.studies.modular.layout import CURVES, RUNS
from stagewise.workflow.logs import log_to


def main(
    *,
    paths_to_curves: list[str],
    path_to_runs: str,
    learned: float,
    early_share: float,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures g1, g3, g4, g5, g6, g7 and g10, in this order of the paths."""
    curves = {
        name: data for path in paths_to_curves for name, data in read_groups(path, CURVES).items()
    }
    runs = RUNS.read(path_to_runs)
    figures = (
        single_runs(curves, runs, learned),
        phase_diagrams(runs),
        without_decay(runs),
        times_on_shares(runs),
        scales_and_decay(runs),
        early_training(curves, runs, early_share),
        equal_flow(runs, curves),
    )
    for drawn, *paths in zip(figures, paths_to_png, paths_to_pdf, paths_to_data, strict=True):
        drawn.write(*paths)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        paths_to_curves=list(snakemake.input.curves),
        path_to_runs=snakemake.input.runs,
        learned=snakemake.params.learned,
        early_share=snakemake.params.early_share,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
