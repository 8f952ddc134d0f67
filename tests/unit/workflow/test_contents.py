"""The report of a study is made of its own files alone; that of all holds every study."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from stagewise.workflow.config import completed
from stagewise.workflow.contents import Contents, contents
from stagewise.workflow.figures import FigurePlan
from stagewise.workflow.ledger import read_ledger
from stagewise.workflow.plan import Plan
from stagewise.workflow.studies import STUDIES

ROOT = Path(__file__).parents[3]


def of(study: str | None = None) -> Contents:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    plan = Plan(completed(config))
    ledger = read_ledger(ROOT / "config/claims.yaml", ROOT / "config/claims_schema.yaml")
    return contents(plan, FigurePlan(plan), ledger, study)


def paths(made: Contents) -> list[Path]:
    values = made.files.values()
    return [Path(path) for one in values for path in ([one] if isinstance(one, str) else one)]


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_needs_no_file_of_another(study: str) -> None:
    made = paths(of(study))
    assert all(study in (path.stem, *path.parts) for path in made)
    assert Path(f"results/smoke/claims/{study}.csv") in made
    assert any(path.suffix == ".png" for path in made)


def test_the_report_of_all_holds_what_those_of_studies_hold() -> None:
    whole = set(paths(of()))
    for study in STUDIES:
        rest = set(paths(of(study))) - whole
        assert rest == {Path(f"results/smoke/claims/{study}.csv")}
    assert Path("results/smoke/cost.csv") in whole


def test_runs_curves_and_changes_are_those_of_the_study() -> None:
    facts = of("language").facts
    assert [run["Run"] for run in facts["runs"]] == ["twolayers-s0", "onelayer-s0"]
    assert {run["Data"] for run in facts["runs"]} == {"text"}
    assert {run for _, run, _ in facts["curves"]} == {"twolayers-s0", "onelayer-s0"}
    assert set(facts["changes"]) == {f"L{number}" for number in range(1, 11)}
    assert of("scurves").facts["runs"] == []
    assert of("regression").facts["runs"][0]["Data"] == "new tasks"


def test_captions_stand_in_the_order_of_their_figures() -> None:
    for study in (None, *STUDIES):
        files = of(study).files
        for figure, caption in zip(files["figures"], files["captions"], strict=True):
            assert Path(figure).stem.startswith(Path(caption).stem)
            assert (ROOT / caption).exists()
