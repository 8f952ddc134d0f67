"""Whose a file is follows from all settings that it was made from, and from nothing else."""

import json

import pytest

from stagewise.workflow.outcome import killed_jobs
from tests.projects import ROOT, Project

SHARDS = ("shard-0.nc", "shard-1.nc")
JOINED = ("llc.nc", "summary.csv")
SNAKEFILE = """
import copy, json, sys
sys.path.insert(0, {lib!r})
from stagewise.workflow.owners import Owners

config |= {{
    "training": {{"rate": 1, "segment_steps": 10}}, "sampler": {{"draws": 5}}, "levels": {{"a": [1, 2]}},
    "steps": [1, 2], "code": "x", "device": "cpu",
}}

rule train:
    output: "{{run}}/checkpoints.h5"
    params:
        training=lambda wildcards: config["training"],
        code=lambda wildcards: config["code"],
        device=config["device"],
        rows=lambda wildcards, input: 1 / 0,
    script: "train.py"

rule llc_shard:
    input: checkpoints="{{run}}/checkpoints.h5"
    output: "{{run}}/shard-{{shard}}.nc"
    params:
        sampler=lambda wildcards: config["sampler"],
        steps=lambda wildcards: config["steps"][int(wildcards.shard)],
    script: "shard.py"

rule llc:
    input:
        expand("{{{{run}}}}/shard-{{shard}}.nc", shard=range(2)),
        "corpus.txt",
    output: "{{run}}/llc.nc", "{{run}}/summary.csv"
    params: steps=lambda wildcards: sorted(config["steps"])
    script: "llc.py"

rule stages:
    input: "{{run}}/llc.nc"
    output: "{{run}}/stages.csv"
    params: levels=lambda wildcards: config["levels"]
    script: "stages.py"

FILES = [
    f"{{run}}/{{name}}" for run in ("s0", "s1")
    for name in ("checkpoints.h5", "shard-0.nc", "shard-1.nc", "llc.nc", "summary.csv", "stages.csv")
]
CHANGES = {{
    "nothing": {{}},
    "no effect": {{"code": "y", "training": {{"rate": 1, "segment_steps": 20}}}},
    "order of shards": {{"steps": [2, 1]}},
    "training": {{"training": {{"rate": 2, "segment_steps": 10}}}},
    "sampler": {{"sampler": {{"draws": 6}}}},
    "steps": {{"steps": [1, 3]}},
    "stages": {{"levels": {{"a": [1, 3]}}}},
}}
found, before = {{}}, copy.deepcopy(config)
for name, change in CHANGES.items():
    config.update({{**copy.deepcopy(before), **change}})
    found[name] = Owners(lambda: workflow.rules).of(FILES, ["corpus.txt"])
json.dump(found, open("owners.json", "w"))
"""


@pytest.fixture(scope="module")
def owners(tmp_path_factory) -> dict:
    """Return owners by path, by what was changed."""
    project = Project(tmp_path_factory.mktemp("rules"))
    (project.path / "Snakefile").write_text(SNAKEFILE.format(lib=str(ROOT / "lib")))
    project.snakemake("--list-rules")
    return json.loads((project.path / "owners.json").read_text())


def test_a_file_is_of_its_rule_and_run(owners):
    found = owners["nothing"]
    assert {path: made for path, (made, _) in found.items() if path.startswith("s0")} == {
        "s0/checkpoints.h5": "train s0",
        **{f"s0/shard-{k}.nc": f"llc_shard s0/{k}" for k in range(2)},
        **dict.fromkeys(["s0/llc.nc", "s0/summary.csv"], "llc s0"),
        "s0/stages.csv": "stages s0",
    }
    identities = [found[f"{run}/{name}"][1] for run in ("s0", "s1")
                  for name in ("checkpoints.h5", "shard-0.nc", "llc.nc", "stages.csv")]  # fmt: skip
    assert len(set(identities)) == len(identities)
    assert all(len(identity) == 16 for identity in identities)


@pytest.mark.parametrize(
    ("change", "others"),
    [
        ("nothing", set()),
        ("no effect", set()),
        ("order of shards", set()),
        ("training", {"checkpoints.h5", *SHARDS, *JOINED, "stages.csv"}),
        ("sampler", {*SHARDS, *JOINED, "stages.csv"}),
        ("steps", {*JOINED, "stages.csv"}),
        ("stages", {"stages.csv"}),
    ],
)
def test_a_setting_changes_what_is_made_from_it(owners, change, others):
    before, after = owners["nothing"], owners[change]
    assert before.keys() == after.keys()
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {f"{run}/{name}" for run in ("s0", "s1") for name in others}


LOG = """
[Sat Nov 28 11:54:48 2026]
localrule train:
    output: results/base-s1/checkpoints.h5, results/base-s1/trajectory.h5
    resources: tmpdir=/tmp, runtime=1440, mem_mb=4000, mem=4 GB, mem_mib=3815
RuleException:
CalledProcessError in file "/p/rules/train.smk", line 36:
Command 'set -euo pipefail;  python3 train.py' {how}.
[Sat Nov 28 11:54:55 2026]
Error in rule train:
    message: {message}
    jobid: 0
    output: results/base-s1/checkpoints.h5, results/base-s1/trajectory.h5
    log: logs/train.log (check log file(s) for error details)
"""


FAILED = "returned non-zero exit status 1"
SLURM = "SLURM-job '12' failed, SLURM status is: '{}'. Reason: Unknown."


@pytest.mark.parametrize(
    ("how", "message", "killed"),
    [
        ("died with <Signals.SIGKILL: 9>", None, True),
        ("returned non-zero exit status 137", None, True),
        ("died with <Signals.SIGTERM: 15>", None, False),
        (FAILED, None, False),
        (FAILED, SLURM.format("OUT_OF_MEMORY"), True),
        (FAILED, SLURM.format("FAILED"), False),
    ],
)
def test_a_job_killed_by_the_system_is_named_with_what_to_raise(how, message, killed):
    said = killed_jobs(LOG.format(how=how, message=message))
    assert len(said) == killed
    if killed:
        assert "train (results/base-s1/checkpoints.h5)" in said[0]
        assert "--set-resources train:mem_mb=8000" in said[0]
        assert len(said[0]) <= 300
