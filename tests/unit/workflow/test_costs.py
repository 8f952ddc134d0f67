"""What jobs have cost, read from Snakemake's benchmark files."""

import math

import pandas as pd
import pytest

from stagewise.stores.files import StoreError
from stagewise.workflow.costs import cost_table, job_costs
from stagewise.workflow.layout import COST

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
PATTERNS = {
    "train": r"logs/p/regression/(?P<run>base\-s0|base\-s1)/train\.benchmark\.tsv$",
    "forms": r"logs/p/(?P<study>.+)/(?P<run>base\-s0|base\-s1)/forms\.benchmark\.tsv$",
    "figure": r"logs/p/figures/[a-z]+/\w+\.benchmark\.tsv$",
    "validation": r"logs/p/validation/validation\.benchmark\.tsv$",
    "claims": r"logs/p/claims\.benchmark\.tsv$",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a benchmark of given seconds and memory and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(name, wall, cpu, memory):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEAD}\n{wall}\t0:00:01\t{memory}\t9\t9\t9\t0\t0\t99\t{cpu}\n")
        return name

    return write


def test_jobs_are_summed_by_study_and_rule(write):
    files = [
        write("logs/p/regression/base-s0/train.benchmark.tsv", 10.0, 8.0, 300),
        write("logs/p/regression/base-s1/train.benchmark.tsv", 20.0, 18.0, 200),
        write("logs/p/regression/base-s0/forms.benchmark.tsv", 3.0, 2.0, 100),
    ]
    table = COST.check(cost_table(job_costs(files, PATTERNS)))
    assert table.to_dict("records") == [
        {
            **{"study": "regression", "rule": "train", "jobs": 2, "cpu_s": 26.0},
            **{"wall_s": 30.0, "longest_s": 18.0, "memory_mb": 300.0},
        },
        {
            **{"study": "regression", "rule": "forms", "jobs": 1, "cpu_s": 2.0},
            **{"wall_s": 3.0, "longest_s": 2.0, "memory_mb": 100.0},
        },
    ]


def test_figures_and_instruments_find_their_study(write):
    names = [
        "logs/p/figures/instruments/fig07_exact_values.benchmark.tsv",
        "logs/p/validation/validation.benchmark.tsv",
        "logs/p/claims.benchmark.tsv",
    ]
    jobs = job_costs([write(name, 1.0, 1.0, 1) for name in names], PATTERNS)
    assert dict(zip(jobs["rule"], jobs["study"], strict=True)) == {
        "figure": "instruments",
        "validation": "instruments",
        "claims": "all",
    }


def test_what_belongs_to_no_present_job_does_not_count(write):
    old = write("logs/p/regression/base-s7/train.benchmark.tsv", 10.0, 8.0, 300)
    table = cost_table(job_costs([old], PATTERNS))
    assert COST.check(table).empty


def test_a_job_too_short_to_be_measured_counts_as_a_job(write):
    name = write("logs/p/claims.benchmark.tsv", 0.2, "NA", "-")
    table = COST.check(cost_table(job_costs([name], PATTERNS)))
    assert table.loc[0, ["jobs", "cpu_s"]].tolist() == [1, 0.0]
    assert math.isnan(table.loc[0, "memory_mb"])


@pytest.mark.parametrize("content", ["", "no benchmark\n1\n", f"{HEAD}\n"])
def test_another_file_is_named(write, tmp_path, content):
    name = write("logs/p/claims.benchmark.tsv", 1.0, 1.0, 1)
    (tmp_path / name).write_text(content)
    with pytest.raises(StoreError, match=r"claims\.benchmark\.tsv is not a benchmark"):
        job_costs([name], PATTERNS)


def test_no_jobs_make_an_empty_table():
    assert isinstance(cost_table(job_costs([], PATTERNS)), pd.DataFrame)
