"""The figures of the study of language models; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

_UNIT = "nats per token"
_REMARK = {"remark": "language_remark"}


def _metrics(run: str) -> Input:
    return Input(f"language/{run}/metrics.nc", "studies.language.layout:METRICS")


def _llc(run: str, setting: str = "{language_setting}") -> Input:
    return Input(f"language/{run}/llc/{setting}/llc.nc", "llc.layout:LLC")


def _stages(run: str, setting: str = "published") -> Input:
    return Input(f"language/{run}/llc/{setting}/stages.csv", "development.layout:STAGES")


def _landmarks(run: str) -> Input:
    return Input(f"language/{run}/landmarks.csv", "studies.language.layout:LANDMARKS")


def _of_two_layers(file: str, layout: str) -> Input:
    return Input(f"language/{{two_layers}}/{file}", layout)


_TRAJECTORY = {
    "ed": _of_two_layers("ed.nc", "development.layout:ED"),
    "forms": _of_two_layers("forms.nc", "development.layout:FORMS"),
}
_DEPTHS = {"runs": _metrics("{depth}"), "stages": _stages("{depth}")}
_CONTENTS = {
    **_TRAJECTORY,
    "contexts": _of_two_layers("contexts.nc", "studies.language.layout:CONTEXTS"),
    "contents": _of_two_layers("form_contents.csv", "studies.language.layout:FORM_CONTENTS"),
}

FIGURES: Mapping[str, Figure] = {
    "fig01a_loss_and_llc": Figure(
        inputs={
            "metrics": _metrics("{two_layers}"),
            "llcs": _llc("{two_layers}"),
            "stages": _stages("{two_layers}", "{language_setting}"),
            "landmarks": _landmarks("{two_layers}"),
        },
        constants={"loss_unit": _UNIT},
    ),
    "fig02a_planes": Figure(
        inputs={**_TRAJECTORY, "stages": _stages("{two_layers}")}, module="plots.planes"
    ),
    "fig03_bigrams_and_ngrams": Figure(
        inputs={**_DEPTHS, "landmarks": _landmarks("{depth}")}, settings=_REMARK
    ),
    "fig04_heads_and_induction": Figure(inputs=_DEPTHS, settings=_REMARK),
    "fig06a_forms_in_time": Figure(
        inputs={**_TRAJECTORY, "stages": _stages("{two_layers}")}, module="plots.forms_in_time"
    ),
    "fig12_slopes": Figure(
        inputs={
            "metrics": _metrics("{two_layers}"),
            "llc": _llc("{two_layers}", "published"),
            "curve": _of_two_layers("llc/published/curve.nc", "development.layout:CURVE"),
            "milestones": _of_two_layers(
                "llc/published/milestones.csv", "development.layout:MILESTONES"
            ),
            "stages": _stages("{two_layers}"),
        },
        settings={"tolerance": "language.stages.tolerance"},
        constants={"loss_unit": _UNIT, "first_share": 1 / 400},
        module="plots.slopes",
    ),
    "fig15_new_words": Figure(
        inputs=_CONTENTS,
        constants={"measure": "new_word", "columns": 2},
        module="studies.language.figures.form_contents",
    ),
    "fig16_induction_patterns": Figure(
        inputs=_CONTENTS,
        constants={"measure": "induction", "columns": 3},
        module="studies.language.figures.form_contents",
    ),
    "fig17_token_changes": Figure(
        inputs={
            "changes": _of_two_layers("token_changes.nc", "studies.language.layout:TOKEN_CHANGES")
        },
    ),
    "fig18_position_losses": Figure(inputs=_DEPTHS),
    "fig19_position_shapes": Figure(inputs=_DEPTHS),
    "fig20_composition": Figure(inputs=_DEPTHS),
    "fig21_one_layer_loss_and_llc": Figure(
        inputs={
            "metrics": _metrics("{one_layer}"),
            "llcs": _llc("{one_layer}"),
            "stages": _stages("{one_layer}", "{language_setting}"),
            "landmarks": _landmarks("{one_layer}"),
            "beside_metrics": _metrics("{two_layers}"),
            "beside_llcs": _llc("{two_layers}"),
        },
        constants={"loss_unit": _UNIT},
        module="studies.language.figures.fig01a_loss_and_llc",
    ),
    "fig22_one_layer_bigrams_and_ngrams": Figure(
        inputs={
            "runs": _metrics("{only_one_layer}"),
            "stages": _stages("{only_one_layer}"),
            "landmarks": _landmarks("{only_one_layer}"),
        },
        settings=_REMARK,
        module="studies.language.figures.fig03_bigrams_and_ngrams",
    ),
}
