"""What a report holds: that of all studies, or that of one, which needs nothing of the others.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stagewise.workflow.figures import FigurePlan
from stagewise.workflow.ledger import entries_of
from stagewise.workflow.plan import Plan
from stagewise.workflow.runs import Run
from stagewise.workflow.studies import STUDIES
from stagewise.workflow.subjects import staged


@dataclass(frozen=True)
class Contents:
    """What a report is made of.

    Parameters
    ----------
    files : dict of str to path or list of path
    facts : dict
        Of the configuration and the ledger; plain values.
    """

    files: dict[str, str | list[str]]
    facts: dict[str, Any]


def contents(
    plan: Plan, figures: FigurePlan, ledger: Mapping[str, Any], study: str | None = None
) -> Contents:
    """Return what the report of one study is made of, or without a name that of all.

    Parameters
    ----------
    plan : Plan
    figures : FigurePlan
    ledger : mapping
        Result of `workflow.ledger.read_ledger`.
    study : str, optional
    """
    studies = plan.studies if study is None else [study]
    shown = [figure for figure in figures if figure.study in studies]
    runs = [run for run in plan.runs.values() if run.study in studies]
    curved = [run for run in runs if "llc" in run.analyses]
    divided = [run for run in staged(plan) if run in curved]
    files: dict[str, str | list[str]] = {
        "figures": [f"{figures.folder}/{one.study}/{one.name}.png" for one in shown],
        "captions": [figure.caption for figure in shown],
        "milestones": plan.llc_stores("milestones.csv", divided),
        "summaries": plan.llc_stores("summary.csv", curved),
    }
    if study is None or study in STUDIES:
        files["claims"] = f"{plan.results}/claims{f'/{study}' if study else ''}.csv"
    if "language" in studies:
        files["corpus"] = f"{plan.results}/language/corpus.csv"
        files["fragment"] = f"{figures.folder}/language/fig17_token_changes.html"
    if study is None:
        files["cost"] = f"{plan.results}/cost.csv"
    entries = {
        claim: entry for name in studies for claim, entry in entries_of(ledger, name).items()
    }
    facts = {
        "bound": [figure.bound for figure in shown],
        "changes": {claim: e["changed"] for claim, e in entries.items() if "changed" in e},
        "curves": plan.curves_of(divided),
        "llcs": plan.curves_of(curved),
        "runs": [_row(run) for run in runs if "training" in run.settings],
        "config": dict(plan.config),
    }
    return Contents(files, facts)


def _row(run: Run) -> dict[str, Any]:
    """Return what the table of runs says of one."""
    task = run.settings.get("task")
    return {
        "Study": run.study,
        "Run": run.name,
        "Variant": run.variant,
        "Seed": run.seed,
        "Layers": run.settings["network"]["num_layers"],
        "Data": f"{task['num_tasks'] or 'new'} tasks" if task else "text",
        "Steps": run.settings["training"]["num_steps"],
        "Batch": run.settings["training"]["batch_size"],
        "Analyses": ", ".join(run.analyses).replace("_", " ").replace("llc", "LLC"),
    }
