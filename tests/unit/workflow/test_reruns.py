"""Why jobs would run again, read from what a dry run says."""

import pytest

from stagewise.workflow.reruns import RerunError, explain, planned_jobs

PARAMS = (
    "Params have changed since last execution: "
    "Union of exclusive params before and now across all output: "
)
JOB = """
[Thu Nov 26 02:39:29 2026]
rule {rule}:
    input: results/a/in.nc
    output: {outputs}
    log: logs/a.log
    reason: {reason}
    resources: tmpdir=/tmp, runtime=60
"""


def dry_run(*jobs):
    keys = ("rule", "outputs", "reason")
    return "".join(JOB.format(**dict(zip(keys, job, strict=True))) for job in jobs)


def test_code_that_changed_is_named():
    before = "{'lib/a.py': '11', 'lib/b.py': '22', 'lib/old.py': '33'}"
    now = "{'lib/a.py': '11', 'lib/b.py': '99', 'lib/new.py': '44'}"
    text = dry_run(("forms", "forms.nc", f"{PARAMS}before: {before} now: {now} "))
    assert explain(text).splitlines() == [
        "forms: forms.nc",
        "    lib/b.py has changed",
        "    lib/new.py is used now",
        "    lib/old.py is used no more",
    ]


def test_settings_that_changed_are_named_with_both_values():
    before = "{'network': {'depth': 2, 'width': 8}, 'rate': 0.1},50"
    now = "{'network': {'depth': 3, 'width': 8}, 'rate': 0.1},60"
    text = dry_run(("train", "a.h5", f"{PARAMS}before: {before} now: {now} "))
    assert explain(text).splitlines()[1:] == [
        "    network.depth: 2 before, 3 now",
        "    parameter: 50 before, 60 now",
    ]


def test_a_parameter_that_was_not_there():
    text = dry_run(("train", "a.h5", f"{PARAMS}before: <nothing exclusive> now: 'float32' "))
    assert explain(text).splitlines()[1:] == ["    parameter: nothing before, 'float32' now"]


def test_jobs_alike_are_one_entry_and_followers_name_the_rule_before_them():
    text = dry_run(
        ("llc", "0.nc, 0.csv", "Missing output files: 0.nc"),
        ("llc", "1.nc, 1.csv", "Missing output files: 1.nc, 1.csv"),
        (
            "figure",
            "f.png",
            "Updated input files: c.rst; Input files updated by another job: 1.csv, 0.nc",
        ),
    )
    assert explain(text).splitlines() == [
        "llc: 0.nc and 1 more",
        "    its output is missing",
        "figure: f.png",
        "    updated input files: c.rst",
        "    after llc",
    ]


def test_a_job_without_files_is_left_out():
    text = "rule all:\n    input: a\n    reason: Input files updated by another job: a\n"
    assert planned_jobs(text) == []


def test_nothing_to_do_is_said():
    assert explain("Nothing to be done (all requested files are present).").startswith("Nothing")


def test_a_failed_dry_run_is_passed_on():
    with pytest.raises(RerunError, match="No rule to produce nosuch"):
        explain("MissingRuleException:\nNo rule to produce nosuch")
