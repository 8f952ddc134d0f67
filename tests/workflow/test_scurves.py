"""S-curves: what reruns after a change, and what a run that diverges says."""

import pytest

from stagewise.core.unanswered import UnansweredError
from stagewise.stores.files import read_dataset

SMOKE = ("--configfile", "config/smoke.yaml")
AFTER = {"scurves_contrasts", "figure", "claims", "claims_gather", "cost", "report"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "lib/stagewise/studies/scurves/tails.py",
            "_POINTS = 100",
            "_POINTS = 90",
            {"scurves_measures"},
        ),
        ("lib/stagewise/studies/scurves/flow.py", "1e-8, 1e-11", "1e-9, 1e-11", {"scurves_flow"}),
        (
            "config/config.yaml",
            "bump_prominence: 0.05",
            "bump_prominence: 0.1",
            {"scurves_measures"},
        ),
    ],
)
def test_an_edit_leaves_runs_alone(edited, file, old, new, expected):
    edited.edit(file, old, new)
    jobs = edited.planned(*SMOKE)
    assert expected <= set(jobs)
    assert set(jobs) <= {"scurves_flow", "scurves_measures"} | AFTER


def test_an_edit_of_a_figure_redraws_that_figure_alone(edited):
    file = "lib/stagewise/studies/scurves/figures/s04_rank_ten.py"
    edited.edit(file, "2 * style.PANEL_HEIGHT", "2.1 * style.PANEL_HEIGHT")
    assert edited.planned_work(*SMOKE) == {"s04_rank_ten", "cost", "report"}


def test_a_module_that_draws_several_figures_redraws_all_of_them(edited):
    file = "lib/stagewise/studies/scurves/figures/stacked.py"
    edited.edit(file, "+ 0.65", "+ 0.66")
    assert edited.planned_work(*SMOKE) == {"s07_adam", "s10_cross_entropy", "cost", "report"}


def test_a_setting_reruns_its_own_experiment_alone(edited):
    edited.edit("config/smoke.yaml", "attention2: {num_steps: 200}", "attention2: {num_steps: 150}")
    jobs = edited.planned(*SMOKE)
    assert jobs["scurves_run"] == 1
    assert set(jobs) <= {"scurves_run", "scurves_measures"} | AFTER


def test_an_edit_of_descent_reruns_every_experiment_and_nothing_else(edited):
    edited.edit(
        "lib/stagewise/studies/scurves/descent.py",
        "wanted, last = set(steps), steps[-1]",
        "last, wanted = steps[-1], set(steps)",
    )
    jobs = edited.planned(*SMOKE)
    assert jobs["scurves_run"] == 9
    assert set(jobs) <= {"scurves_run", "scurves_measures"} | AFTER


def test_a_run_in_which_all_seeds_diverge_is_no_answer_and_names_the_key(project):
    project.edit(
        "config/config.yaml",
        "num_components: 4, learning_rates: [0.1]",
        "num_components: 4, learning_rates: [90.0]",
    )
    target = "results/smoke/scurves/attention/curves.nc"
    project.snakemake(target, *SMOKE)
    with pytest.raises(
        UnansweredError, match="every seed diverged at learning rate 90; lower 'learning_rates'"
    ):
        read_dataset(project.path / target)


def test_paper_preset_has_a_thousand_seeds(project):
    jobs = project.planned("--configfile", "config/paper.yaml")
    assert jobs["scurves_run"] == 9
    text = (project.path / "config/config.yaml").read_text()
    assert "few: 1000" in text
    assert "many: 1000" in text
