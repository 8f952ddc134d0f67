"""The figures of the LLC as an instrument; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

FIGURES: Mapping[str, Figure] = {
    "fig07_exact_values": Figure(
        inputs={"table": Input("validation/validation.csv", "exact.layout:VALIDATION")},
    ),
    "second_opinion": Figure(
        inputs={"table": Input("validation/second_opinion.csv", "exact.layout:SECOND_OPINION")},
    ),
    "form_rates": Figure(
        inputs={"table": Input("validation/form_rates.csv", "development.layout:FORM_RATES")},
    ),
    "fig09_contact": Figure(inputs={}),
    "fig10_toy_form": Figure(inputs={}),
    "fig40_calibration_{calibrated_model}": Figure(
        inputs={
            "sweep": Input("calibration/{calibrated_model}/sweep.nc", "llc.layout:SWEEP"),
            "ranked": Input("calibration/{calibrated_model}/ranked.csv", "llc.layout:CALIBRATION"),
        },
    ),
}
