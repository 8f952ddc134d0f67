"""A study can be asked for by its name, and needs nothing of the others."""

import pytest

SMOKE = ("--configfile", "config/smoke.yaml")
SHARED = {
    "scurves": set(),
    "modular": {"llc_shard", "llc"},
    "language": {"train", "essential_dynamics", "forms", "llc_shard", "llc", "stages"},
}
OF_EVERY_STUDY = {"figure", "claims", "study_report"}


@pytest.mark.parametrize("study", ["scurves", "modular", "language"])
def test_a_study_alone(project, study):
    jobs = project.planned(study, *SMOKE)
    assert jobs["study_report"] == jobs["claims"] == 1
    own = {rule for rule in jobs if rule.startswith(f"{study}_")}
    assert set(jobs) == own | OF_EVERY_STUDY | SHARED[study] | {study}


def test_all_studies_make_no_report_of_one(project):
    assert "study_report" not in project.planned(*SMOKE)
