"""Modular addition: what reruns after a change, and that a killed experiment goes on."""

import h5py
import pytest

from tests.projects import kill_when
from tests.stores import differences
from tests.workflow.work import claims, of

SMOKE = ("--configfile", "config/smoke.yaml")
AFTER = {"modular_measures", "modular_laws", "claims", "claims_gather", "cost", "report"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "lib/stagewise/studies/modular/figures/g04_without_decay.py",
            "style.PANEL_HEIGHT + 0.9",
            "style.PANEL_HEIGHT + 0.8",
            {"g04_without_decay", "cost", "report"},
        ),
        (
            "config/smoke.yaml",
            "local: {num_chains: 2, num_burnin: 2, num_draws: 6, batch_size: 8}",
            "local: {num_chains: 2, num_burnin: 2, num_draws: 8, batch_size: 8}",
            of("modular", "llc_shard", "llc") | {"g09_llc_and_modes"} | claims("modular"),
        ),
    ],
)
def test_an_edit_reruns_exactly_what_depends_on_it(edited, file, old, new, expected):
    edited.edit(file, old, new)
    assert edited.planned_work(*SMOKE) == expected


def test_a_setting_reruns_its_own_experiment_alone(edited):
    edited.edit("config/smoke.yaml", "sgdsmall: {num_steps: 20}", "sgdsmall: {num_steps: 24}")
    jobs = edited.planned(*SMOKE)
    assert jobs["modular_run"] == 1
    assert set(jobs) <= {"modular_run", "figure"} | AFTER


def test_updates_belong_to_all_studies_that_train(edited):
    old = "first.lerp_(gradients, "
    edited.edit("lib/stagewise/core/updates.py", old, "first.lerp_(1.0 * gradients, ")
    jobs = edited.planned(*SMOKE)
    assert (jobs["scurves_run"], jobs["modular_run"], jobs["train"]) == (9, 8, 5)


def test_the_training_of_a_study_is_its_own(edited):
    module = "lib/stagewise/studies/regression/training.py"
    edited.edit(module, "run.tasks()", "1 * run.tasks()")
    jobs = edited.planned(*SMOKE)
    assert jobs["train"] == 3
    assert "modular_run" not in jobs


def test_a_killed_experiment_goes_on_and_ends_in_the_same_store(project, finished):
    project.edit("config/config.yaml", "\n  segment_steps: 5000", "\n  segment_steps: 5")
    folder = project.path / "results/smoke/modular/stages"
    target = "results/smoke/modular/stages/curves.nc"
    process = project.start(target, *SMOKE)
    kill_when(process, lambda: (folder / "narrow.partial/segment-00000.h5").exists())
    assert not (folder / "curves.nc").exists()
    project.snakemake("--unlock", *SMOKE)
    project.snakemake(target, "--rerun-incomplete", *SMOKE)
    log = (project.path / "logs/smoke/modular/stages/run.log").read_text()
    assert "continuing from step" in log
    assert not list(folder.glob("*.partial"))
    made = finished.path / "results/smoke/modular/stages/checkpoints.h5"
    assert differences(folder / "checkpoints.h5", made) == []
    with h5py.File(made) as handle:
        assert "narrow" in handle


def test_paper_preset_plans_every_experiment(project):
    jobs = project.planned("--configfile", "config/paper.yaml")
    assert jobs["modular_run"] == 8
    assert jobs["modular_along"] == 2  # modes and gradients
