"""One edit at a time, and exactly the rules that a dry run then lists: too few would be wrong results,
too many a lost night.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass

import pytest
import yaml

from lib.reruns import explain
from tests.projects import Project

SMOKE = ("--configfile", "config/smoke.yaml")
LAST = {"cost", "report"}
AFTER_FIGURES_OF_LLC = {
    *("figure_01b", "figure_02b", "figure_05", "figure_06b", "figure_23", "figure_milestones"),
    "claims",
}
AFTER_LLC = {
    *("regression_llc", "regression_llc_audit", "stages", "figure_08", "figure_39"),
    *("figure_llc_settings", "figure_traces"),
    *AFTER_FIGURES_OF_LLC,
}
LANGUAGE_FIGURES = {
    *("language_figures_curves", "language_figures_measures", "language_figures_tokens"),
}


@dataclass(frozen=True)
class Edit:
    """A change of one file: text that is replaced, and the rules whose jobs run after it."""

    file: str
    old: str
    new: str
    rules: set[str]


EDITS = {
    "a figure's module": Edit(
        "lib/figures/milestones.py",
        '"≥ 0.9"',
        '"at least 0.9"',
        {"figure_milestones", *LAST},
    ),
    "a caption": Edit("report/fig05.rst", "Behaviour", "What is seen", {"report"}),
    "a claim's text": Edit("config/claims.yaml", "claim: ", "claim: Now ", {"claims", *LAST}),
    "plane_curves": Edit(
        "lib/plane_curves.py",
        "VERTEX_PROMINENCE = ",
        "VERTEX_PROMINENCE = 2 * ",
        {"forms"},
    ),
    "sgld": Edit(
        "lib/sgld.py",
        "alpha=-0.5 * config.step_size * config.n_beta",
        "alpha=-0.0",
        {"regression_llc_shard"},
    ),
    "stages": Edit("lib/stages.py", "STAGE_COLUMNS = [", "STAGE_COLUMNS = [*()] + [", {"stages"}),
    "a key of the regression study": Edit(
        "config/config.yaml", "max_learning_rate: 0.003", "max_learning_rate: 0.002", {"?"}
    ),
    "stages of the regression study": Edit(
        "config/config.yaml", "match_width: 0.5", "match_width: 0.4", {"?"}
    ),
    "a key of the instruments": Edit(
        "config/config.yaml", "step_bias: 0.01", "step_bias: 0.02", {"?"}
    ),
    "a key of the calibration": Edit("config/config.yaml", "max_change: 0.25", "max_change: 0.2", {"?"}),
    "a key of the study of S-curves": Edit(
        "config/config.yaml", "bump_prominence: 0.05", "bump_prominence: 0.1", {"?"}
    ),
    "a key of modular addition": Edit(
        "config/config.yaml", "early_share: 0.2 ", "early_share: 0.3 ", {"?"}
    ),
    "a key of the language study": Edit(
        "config/smoke.yaml", "forms: {sigma_end: 2.0}", "forms: {sigma_end: 3.0}", {"?"}
    ),
}


def dry(project):
    return project.planned(*SMOKE)
