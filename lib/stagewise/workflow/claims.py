"""What the claims of each study are tested on: stores by name, and facts of the configuration.

Names are those of the parameters of ``read`` in ``studies/<study>/claims/evidence.py``. Light: it is
read at every start of Snakemake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from stagewise.workflow.plan import Plan


class Asked(NamedTuple):
    """What the evidence of a study is read from.

    Parameters
    ----------
    stores : dict of str to path or list of path
    facts : dict
        Of the configuration; plain values.
    """

    stores: dict[str, str | list[str]]
    facts: dict[str, Any]


def evidence_of(study: str, plan: Plan) -> Asked:
    """Return what the claims of a study are tested on."""
    return _ASKED[study](plan)


def _regression(plan: Plan) -> Asked:
    regression = plan.config["regression"]
    facts = {
        "stage_settings": regression["stages"],
        "noise_variance": regression["task"]["noise_variance"],
        "published_types": regression["published"]["types"],
        "draw_seed": plan.config["root_seed"],
    }
    own = _runs_and_curves("regression", plan)
    followed = plan.runs_of("regression", "llc", variant="base")
    further: dict[str, str | list[str]] = {
        "agreement": plan.stores("llc/agreement.csv", followed),
        "hessian": plan.stores("hessian.nc", followed),
        "structure": plan.stores("structure.nc", followed),
        "degeneracy": plan.stores("degeneracy.nc", followed),
    }
    return Asked(own.stores | further, own.facts | facts)


def _language(plan: Plan) -> Asked:
    own = _runs_and_curves("language", plan)
    measured, followed = (
        plan.runs_of("language", analysis) for analysis in ("metrics", "essential_dynamics")
    )
    return Asked(
        own.stores
        | {"landmarks": plan.stores("landmarks.csv", measured)}
        | {"forms": plan.stores("form_contents.csv", followed)},
        own.facts
        | {
            "followed": [run.name for run in followed],
            "published_types": plan.config["language"]["published"]["types"],
        },
    )


def _runs_and_curves(study: str, plan: Plan) -> Asked:
    """Return metrics of all runs of a study, and the LLC curves of those that have any."""
    measured = plan.runs_of(study, "metrics")
    with_llc = plan.runs_of(study, "llc")
    stores: dict[str, str | list[str]] = {
        "metrics": plan.stores("metrics.nc", measured),
        "llc": plan.llc_stores("llc.nc", with_llc),
        "milestones": plan.llc_stores("milestones.csv", with_llc),
        "stages": plan.llc_stores("stages.csv", with_llc),
    }
    runs = [{"name": run.name, "variant": run.variant, "seed": run.seed} for run in measured]
    return Asked(
        stores, {"runs": runs, "curves": [curve[1:] for curve in plan.curves_of(with_llc)]}
    )


def _scurves(plan: Plan) -> Asked:
    names = ("measures", "contrasts")
    return Asked({name: f"{plan.results}/scurves/{name}.csv" for name in names}, {})


def _modular(plan: Plan) -> Asked:
    folder = f"{plan.results}/modular"
    names = ("runs.csv", "laws.csv", "comparison.csv", "growth.csv", "modes.nc", "gradients.nc")
    stores: dict[str, str | list[str]] = {
        name.partition(".")[0]: f"{folder}/{name}" for name in names
    }
    followed = plan.runs_of("modular", "llc")
    return Asked(stores | {"llc": plan.llc_stores("llc.nc", followed)}, {})


def _instruments(plan: Plan) -> Asked:
    audited = plan.runs_of("regression", "llc", variant="base")
    stores: dict[str, str | list[str]] = {
        "validation": f"{plan.results}/validation/validation.csv",
        "audits": plan.llc_stores("audit.csv", audited, ["local"]),
        "form_rates": f"{plan.results}/validation/form_rates.csv",
    }
    return Asked(stores, {"seeds": [run.seed for run in audited]})


_ASKED: Mapping[str, Callable[[Plan], Asked]] = MappingProxyType(
    {
        "regression": _regression,
        "instruments": _instruments,
        "scurves": _scurves,
        "modular": _modular,
        "language": _language,
    }
)
