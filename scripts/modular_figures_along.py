"""Draw what is followed along training in the modular-addition study."""

from stagewise.llc.layout import LLC
from stagewise.stores.groups import read_groups
from stagewise.studies.modular.figures.gradients import gradients_and_sharpness
from stagewise.studies.modular.figures.llc import llc_and_modes
from stagewise.studies.modular.figures.modes import mode_losses
from stagewise.studies.modular.layout import CURVES, GRADIENTS, MODES, RUNS
from stagewise.studies.modular.thresholds import SlingshotSettings
from stagewise.workflow.logs import log_to


def main(
    *,
    path_to_curves: str,
    path_to_runs: str,
    path_to_modes: str,
    path_to_gradients: str,
    path_to_llc: str,
    shown_seed: int,
    slingshots: dict,
    paths_to_png: list[str],
    paths_to_pdf: list[str],
    paths_to_data: list[str],
) -> None:
    """Draw figures g2, g8 and g9, in this order of the paths."""
    runs = RUNS.read(path_to_runs)
    curves = read_groups(path_to_curves, CURVES)
    modes = read_groups(path_to_modes, MODES)
    gradients = read_groups(path_to_gradients, GRADIENTS)
    llc = read_groups(path_to_llc, LLC)
    constants = SlingshotSettings(**slingshots)
    figures = (
        mode_losses(modes, runs, shown_seed),
        gradients_and_sharpness(gradients, curves, runs, constants, shown_seed),
        llc_and_modes(llc, modes, curves, runs, shown_seed),
    )
    for drawn, *paths in zip(figures, paths_to_png, paths_to_pdf, paths_to_data, strict=True):
        drawn.write(*paths)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        path_to_curves=snakemake.input.curves,
        path_to_runs=snakemake.input.runs,
        path_to_modes=snakemake.input.modes,
        path_to_gradients=snakemake.input.gradients,
        path_to_llc=snakemake.input.llc,
        shown_seed=snakemake.params.shown_seed,
        slingshots=snakemake.params.slingshots,
        paths_to_png=list(snakemake.output.png),
        paths_to_pdf=list(snakemake.output.pdf),
        paths_to_data=list(snakemake.output.data),
    )
