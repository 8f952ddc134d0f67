"""The figures of the regression study; standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from stagewise.plots.registry import Figure, Input

_METRICS = Input("regression/{shown_run}/metrics.nc", "studies.regression.layout:METRICS")
_STAGES = Input(
    "regression/{shown_run}/llc/{first_common_setting}/stages.csv", "development.layout:STAGES"
)
_AGREEMENT = Input("regression/{shown_run}/llc/agreement.csv", "llc.layout:AGREEMENT")
_TRAJECTORY = {
    "ed": Input("regression/{shown_run}/ed.nc", "development.layout:ED"),
    "forms": Input("regression/{shown_run}/forms.nc", "development.layout:FORMS"),
    "stages": _STAGES,
}

_STRUCTURE = "studies.regression.structure_layout:STRUCTURE"
_INSIDE = {"structure": Input("regression/{shown_run}/structure.nc", _STRUCTURE), "stages": _STAGES}
_METRICS_OF_SEEDS = Input("regression/{llc_runs}/metrics.nc", "studies.regression.layout:METRICS")
_INSIDES = {"structures": Input("regression/{llc_runs}/structure.nc", _STRUCTURE)}


def _llc(setting: str) -> Input:
    """Return the judged estimates of the shown run under one setting, or under several."""
    return Input(f"regression/{{shown_run}}/llc/{setting}/llc.nc", "llc.layout:LLC")


def _under(file: str, layout: str) -> Input:
    """Return what was found of the shown run under the setting in a figure's name."""
    return Input(f"regression/{{shown_run}}/llc/{{common_setting}}/{file}", layout)


FIGURES: Mapping[str, Figure] = {
    "fig01b_loss_and_llc": Figure(
        inputs={
            "metrics": _METRICS_OF_SEEDS,
            "llcs": Input("regression/{llc_runs}/llc/{common_setting}/llc.nc", "llc.layout:LLC"),
            "stages": _under("stages.csv", "development.layout:STAGES"),
        },
        settings={"run": "shown_run"},
        module="plots.loss_and_llc",
    ),
    "fig02b_planes": Figure(inputs=_TRAJECTORY, module="plots.planes"),
    "fig05_behaviour": Figure(
        inputs={
            "metrics": _METRICS,
            "finite": Input(
                "regression/{finite_task_runs}/metrics.nc", "studies.regression.layout:METRICS"
            ),
            "stages": _STAGES,
        },
        settings={
            "noise_variance": "noise_variance",
            "dimension": "task_dimension",
            "num_tasks": "num_finite_tasks",
        },
    ),
    "fig06b_forms_in_time": Figure(inputs=_TRAJECTORY, module="plots.forms_in_time"),
    "ed_variants": Figure(
        inputs={
            "variants": Input(
                "regression/{shown_run}/ed_variants.nc",
                "studies.regression.ed_variants_layout:ED_VARIANTS",
            ),
            "stages": _STAGES,
        },
    ),
    "fig11_lissajous": Figure(
        inputs={name: _TRAJECTORY[name] for name in ("ed", "forms")},
        settings={"root_seed": "root_seed"},
    ),
    "fig13_evolutes": Figure(
        inputs={name: _TRAJECTORY[name] for name in ("forms", "stages")},
    ),
    "fig14_form_potentials": Figure(inputs=_TRAJECTORY),
    "traces": Figure(inputs={"llcs": _llc("{common_setting}")}, module="plots.traces"),
    "milestones": Figure(
        inputs={
            "milestones": Input(
                "{regression_curve}/milestones.csv", "development.layout:MILESTONES"
            ),
            "stages": Input("{regression_curve}/stages.csv", "development.layout:STAGES"),
        },
        settings={"published": "regression.published"},
    ),
    "fig23_slopes_{common_setting}": Figure(
        inputs={
            "metrics": _METRICS,
            "llc": _under("llc.nc", "llc.layout:LLC"),
            "curve": _under("curve.nc", "development.layout:CURVE"),
            "milestones": _under("milestones.csv", "development.layout:MILESTONES"),
            "stages": _under("stages.csv", "development.layout:STAGES"),
        },
        settings={"tolerance": "regression.stages.tolerance"},
        module="plots.slopes",
    ),
    "fig08_two_losses": Figure(
        inputs={
            "loss_based": _llc("local"),
            "likelihood_based": _llc("likelihood"),
            "agreement": _AGREEMENT,
        },
    ),
    "fig26_task_prior": Figure(
        inputs={
            "prior": Input(
                "regression/task_prior.nc", "studies.regression.task_prior_layout:TASK_PRIOR"
            )
        },
    ),
    "fig27_icl_scores": Figure(
        inputs={"metrics": _METRICS_OF_SEEDS, "stages": _STAGES},
        settings={"run": "shown_run", "dimension": "task_dimension"},
    ),
    "fig28_scaled_data": Figure(
        inputs={"metrics": _METRICS_OF_SEEDS, "stages": _STAGES},
        settings={
            "run": "shown_run",
            "noise_variance": "noise_variance",
            "dimension": "task_dimension",
        },
    ),
    "fig29_embeddings": Figure(
        inputs={**_INSIDES, "stages": _STAGES}, settings={"run": "shown_run"}
    ),
    "fig30_unembedding": Figure(
        inputs={**_INSIDES, "stages": _STAGES}, settings={"run": "shown_run"}
    ),
    "fig31_layer_norms": Figure(
        inputs={**_INSIDES, "stages": _STAGES}, settings={"run": "shown_run"}
    ),
    "fig32_attention_entropy": Figure(
        inputs=_INSIDE,
        constants={"measure": "attention_entropy"},
        module="studies.regression.figures.attention_measure",
    ),
    "fig33_attention_variability": Figure(
        inputs=_INSIDE,
        constants={"measure": "attention_variability"},
        module="studies.regression.figures.attention_measure",
    ),
    "fig34_heads": Figure(inputs=_INSIDE),
    "attention_maps": Figure(inputs=_INSIDES),
    "fig39_noise": Figure(
        inputs={"shared": _llc("local"), "fresh": _llc("fresh"), "agreement": _AGREEMENT},
    ),
    "fig41_failures": Figure(
        inputs={
            "estimates": Input("regression/{shown_run}/llc_failures.nc", "llc.layout:LLC_FAILURES")
        },
    ),
    "fig24_position_llc": Figure(
        inputs={
            "by_position": Input(
                "regression/{shown_run}/llc_by_position.nc",
                "studies.regression.position_layout:LLC_BY_POSITION",
            ),
            "metrics": _METRICS,
            "stages": _STAGES,
        },
    ),
    "degeneracy": Figure(
        inputs={
            "degeneracies": Input(
                "regression/{llc_runs}/degeneracy.nc",
                "studies.regression.degeneracy_layout:DEGENERACY",
            ),
            "llc": _llc("local"),
            "refined": Input(
                "regression/{shown_run}/llc_refined.nc",
                "studies.regression.degeneracy_layout:LLC_REFINED",
            ),
            "stages": _STAGES,
        },
        settings={"run": "shown_run"},
    ),
    "fig25_curvature": Figure(
        inputs={
            "hessians": Input("regression/{llc_runs}/hessian.nc", "llc.scale_layout:HESSIAN"),
            "llcs": _llc("{common_setting}"),
            "milestones": _under("milestones.csv", "development.layout:MILESTONES"),
            "stages": _STAGES,
        },
        settings={"run": "shown_run"},
    ),
    "llc_over_scale": Figure(
        inputs={
            "store": Input("regression/{shown_run}/llc_scale.nc", "llc.scale_layout:LLC_SCALE"),
            "meaning": Input(
                "regression/{shown_run}/llc_meaning.csv", "llc.scale_layout:LLC_MEANING"
            ),
            "statements": Input(
                "regression/{shown_run}/llc_statements.csv", "llc.scale_layout:LLC_STATEMENTS"
            ),
        },
    ),
    "llc_settings": Figure(inputs={"llcs": _llc("{common_setting}")}),
}
