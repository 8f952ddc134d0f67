"""The page on extending is true: its toy study runs, and nothing of the other studies with it."""

import re
import subprocess
import sys

import pandas as pd
import pytest

from tests.projects import ENVIRONMENT, ROOT

SMOKE = ("--configfile", "config/smoke.yaml")
PAGE = (ROOT / "docs/extending.md").read_text()
FILES = re.compile(r"^`([\w/.]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EDITS = re.compile(r"^```diff\n--- (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def start_toy(project):
    """Apply the page to a project."""
    for name, text in FILES.findall(PAGE):
        path = project.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name, lines in EDITS.findall(PAGE):
        kept = "".join(line[1:] for line in lines.splitlines(True) if line[0] == " ")
        added = "".join(line[1:] for line in lines.splitlines(True) if line[0] == "+")
        project.edit(name, kept, kept + added)
    subprocess.run(
        [sys.executable, "-m", "stagewise.workflow.schema"],
        cwd=project.path,
        env={**ENVIRONMENT, "PYTHONPATH": "lib"},
        check=True,
    )


def test_a_figure_is_three_files_and_a_study_about_ten():
    files = {name for name, _ in FILES.findall(PAGE)}
    figure = {name for name in files if "t01" in name or "registry" in name}
    assert len(figure) == 3
    assert len(files - figure) <= 10


def test_the_toy_runs_and_leaves_the_other_studies_as_they_are(edited):
    start_toy(edited)
    own = {"toy_descent", "t01_descent", "claims toy"}
    assert edited.planned_work("toy", *SMOKE) == own | {"study_report"}
    assert edited.planned_work(*SMOKE) == own | {"claims_gather", "cost", "report"}
    edited.snakemake("toy", *SMOKE)
    results = edited.path / "results/smoke"
    drawn = pd.read_csv(results / "figures/toy/t01_descent.csv")
    assert drawn["y"].iloc[[0, -1]].tolist() == pytest.approx([0.5, 0.5 * 0.9**100], rel=1e-6)
    claims = pd.read_csv(results / "claims/toy.csv")
    assert claims["id"].tolist() == ["T1"]
    assert "A parabola" in (results / "reports/toy.html").read_text()
