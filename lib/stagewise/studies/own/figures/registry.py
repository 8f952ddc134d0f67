"""The figures of one's own checkpoints, each once a run; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

_METRICS = Input("own/{own_run}/metrics.nc", "studies.own.layout:METRICS")
_TRAJECTORY = {
    "ed": Input("own/{own_run}/ed.nc", "development.layout:ED"),
    "forms": Input("own/{own_run}/forms.nc", "development.layout:FORMS"),
    "stages": Input(
        "own/{own_run}/llc/{first_own_setting}/stages.csv", "development.layout:STAGES"
    ),
}
_LOSS = {"loss_name": "Loss", "loss_unit": "on the subject's samples"}


def _under(file: str, layout: str) -> Input:
    """Return what was found of a run under the setting in a figure's name, or under each."""
    return Input(f"own/{{own_run}}/llc/{{own_setting}}/{file}", layout)


FIGURES: Mapping[str, Figure] = {
    "loss_and_llc_{own_run}": Figure(
        inputs={
            "metrics": _METRICS,
            "llcs": _under("llc.nc", "llc.layout:LLC"),
            "stages": _under("stages.csv", "development.layout:STAGES"),
        },
    ),
    "planes_{own_run}": Figure(inputs=_TRAJECTORY, module="plots.planes"),
    "forms_in_time_{own_run}": Figure(inputs=_TRAJECTORY, module="plots.forms_in_time"),
    "slopes_{own_run}_{own_setting}": Figure(
        inputs={
            "metrics": _METRICS,
            "llc": _under("llc.nc", "llc.layout:LLC"),
            "curve": _under("curve.nc", "development.layout:CURVE"),
            "milestones": _under("milestones.csv", "development.layout:MILESTONES"),
            "stages": _under("stages.csv", "development.layout:STAGES"),
        },
        settings={"tolerance": "own.stages.tolerance"},
        constants=_LOSS,
        module="plots.slopes",
    ),
    "traces_{own_run}": Figure(
        inputs={"llcs": _under("llc.nc", "llc.layout:LLC")}, module="plots.traces"
    ),
}
