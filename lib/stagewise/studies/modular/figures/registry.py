"""The figures of the study of modular addition; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

_RUNS = Input("modular/runs.csv", "studies.modular.layout:RUNS")
_MODES = Input("modular/modes.nc", "studies.modular.layout:MODES", groups=True)
_SHOWN_SEED = {"shown_seed": "modular.shown_seed"}


def _curves(experiment: str) -> Input:
    """Return the curves of an experiment, by setting."""
    return Input(f"modular/{experiment}/curves.nc", "studies.modular.layout:CURVES", groups=True)


FIGURES: Mapping[str, Figure] = {
    "g01_single_runs": Figure(
        inputs={"curves": _curves("stages"), "runs": _RUNS},
        settings={"learned": "modular.measures.learned"},
    ),
    "g02_mode_losses": Figure(
        inputs={
            "modes": _MODES,
            "growth": Input("modular/growth.csv", "studies.modular.layout:GROWTH"),
            "runs": _RUNS,
        },
        settings=_SHOWN_SEED,
    ),
    "g03_phase_diagrams": Figure(inputs={"runs": _RUNS}),
    "g04_without_decay": Figure(inputs={"runs": _RUNS}),
    "g05_time_against_share": Figure(
        inputs={
            "runs": _RUNS,
            "laws": Input("modular/laws.csv", "studies.modular.layout:LAWS"),
            "comparison": Input("modular/comparison.csv", "studies.modular.layout:COMPARISON"),
        },
    ),
    "g06_scale_and_decay": Figure(inputs={"runs": _RUNS}),
    "g07_early_training": Figure(
        inputs={"curves": _curves("classes"), "runs": _RUNS},
        settings={"early_fall": "modular.measures.early_fall"},
    ),
    "g08_gradients_and_sharpness": Figure(
        inputs={
            "gradients": Input(
                "modular/gradients.nc", "studies.modular.layout:GRADIENTS", groups=True
            ),
            "curves": _curves("stages"),
            "runs": _RUNS,
        },
        settings={**_SHOWN_SEED, "slingshots": "modular.slingshots"},
    ),
    "g09_llc_and_modes": Figure(
        inputs={
            "llc": Input("modular/{modular_llc_runs}/llc/local/llc.nc", "llc.layout:LLC"),
            "modes": _MODES,
            "curves": _curves("stages"),
            "runs": _RUNS,
        },
        settings=_SHOWN_SEED,
    ),
    "g10_equal_flow": Figure(inputs={"runs": _RUNS, "curves": _curves("flow")}),
}
