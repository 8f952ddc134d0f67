"""What every rule declares, and what a wrong configuration says. Nothing is computed here."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.projects import Project

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RULES = [
    (path.name, block.split(":")[0], block)
    for path in sorted((ROOT / "rules").glob("*.smk"))
    for block in re.split(r"^rule ", path.read_text(), flags=re.MULTILINE)[1:]
]


@pytest.mark.parametrize(("file", "name", "block"), RULES, ids=[rule[1] for rule in RULES])
def test_every_rule_is_complete(file, name, block):
    assert re.match(r'\w+:\n    """\S', block), f"{name} in {file} needs a docstring"
    for directive in ("output", "log", "benchmark", "threads", "resources", "conda", "script"):
        assert f"    {directive}:" in block, f"{name} in {file} lacks {directive}"
    assert "mem_mb" in block
    assert "runtime" in block
    for section in re.findall(r"    (?:input|output):\n((?:        .*\n)+)", block):
        assert re.match(r" +(\w+=|\*\*|unpack\()", section), f"{name} in {file} has unnamed files"


def test_only_common_defines_functions():
    for path in (ROOT / "rules").glob("*.smk"):
        if path.name != "common.smk":
            assert not re.search(r"^\s*def ", path.read_text(), re.MULTILINE), path.name


def test_snakefile_is_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 80


@pytest.mark.parametrize("shard", [0, 9_999, 10_000, 123_456])
def test_the_name_of_any_shard_is_one_that_its_rule_makes(shard):
    (pattern,) = re.findall(r'shard=r"(.+)"', (ROOT / "Snakefile").read_text())
    (named,) = re.findall(r"shard-\{shard(:\w+)\}", (ROOT / "rules/llc.smk").read_text())
    assert re.fullmatch(pattern, f"{{{named}}}".format(shard))
    assert "{" not in pattern  # Snakemake writes it between braces


def test_parsing_imports_nothing_heavy():
    """Every cluster job parses the workflow again."""
    tree = ast.parse((ROOT / "rules/common.smk").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "stagewise.workflow.config" in imported
    heavy = ("torch", "h5py", "pandas", "xarray", "scipy", "matplotlib")
    program = (
        f"import sys, {', '.join(sorted(imported))}; print(sys.modules.keys() & {set(heavy)!r})"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT / "lib", capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def refusal(project, *arguments) -> str:
    """Return the one line with which the workflow stops."""
    smoke = ("--dry-run", "--quiet", "all", "--configfile", "config/smoke.yaml")
    result = project.snakemake(*smoke, *arguments, check=False)
    assert result.returncode != 0
    about = [line for line in result.stdout.splitlines() if "config: " in line]
    assert len(about) == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert not (project.path / "results").exists()
    return about[0]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("nosuchkey=1", "unknown key 'nosuchkey'; valid keys here are preset, root_seed"),
        ("root_sed=1", "did you mean 'root_seed'"),
        ("root_seed=many", "'root_seed' is \"many\""),
    ],
)
def test_a_wrong_setting_on_the_command_line(project, setting, message):
    assert message in refusal(project, "--config", setting)


@pytest.mark.parametrize(
    ("delta", "message"),
    [
        ("regression: {training: {warmup_fraction: 1.2}}", "warmup_fraction' is 1.2"),
        ("regression: {network: {num_heads: 7}}", "num_heads' (7) must divide"),
    ],
)
def test_an_impossible_value_in_a_file(project, delta, message):
    (project.path / "delta.yaml").write_text(delta)
    assert message in refusal(project, "delta.yaml")


def test_a_section_that_is_there_twice_is_refused(project):
    twice = "preset: twice\nlanguage: {vocab_size: 300}\n\nlanguage: {context_length: 8}\n"
    (project.path / "delta.yaml").write_text(twice)
    assert "delta.yaml has 'language' twice, in lines 2 and 4" in refusal(project, "delta.yaml")


def test_every_analysis_that_a_variant_asks_for_is_made(project):
    smoke = ("--configfile", "config/smoke.yaml")
    before = project.planned(*smoke)
    (project.path / "delta.yaml").write_text(
        "regression: {variants: {tasks16: {analyses: [metrics, llc, essential_dynamics],"
        " settings: {trajectory: {num_steps: 5}}},"
        " other: {seeds: [5], settings: {}, analyses: [metrics]}}}"
    )
    after = project.planned(*smoke, "delta.yaml")
    assert after["train"] == before["train"] + 1
    assert after["regression_metrics"] == before["regression_metrics"] + 1
    assert after["forms"] == before["forms"] + 1
    assert after["llc"] == before["llc"] + 2  # under both settings that are asked of every seed


def test_results_may_lie_in_another_folder_than_the_project(project, tmp_path):
    elsewhere = Project(tmp_path)
    snakefile = ("--snakefile", str(project.path / "Snakefile"))
    smoke = (*snakefile, "--configfile", str(project.path / "config/smoke.yaml"))
    here = project.planned("--configfile", "config/smoke.yaml")
    assert elsewhere.planned(*smoke) == here


def test_paper_preset_plans_one_job_a_checkpoint(project):
    jobs = project.planned("--configfile", "config/paper.yaml")
    assert (
        jobs["train"] == 2
    )  # of language; five seeds each of two variants of regression are a job
    assert jobs["train_base_0"] == jobs["train_tasks16_0"] == 1
    # Of regression five seeds under two settings and one under two more, two language models under two;
    # eight checkpoints a job of the twenty networks of modular addition.
    steps = (jobs["llc_shard"] - 20 * 4) / (12 + 4)
    assert 180 <= steps <= 190


@pytest.mark.parametrize("preset", ["workstation", "paper"])
def test_presets_plan_as_many_jobs_as_the_readme_says(project, preset):
    jobs = project.planned("--configfile", f"config/{preset}.yaml")
    (said,) = re.findall(rf"\| {preset} \|.*plans some ([\d,]+) jobs", README)
    assert sum(jobs.values()) == pytest.approx(int(said.replace(",", "")), rel=0.05)


def test_on_a_gpu_seeds_train_together_and_a_run_alone_as_ever(project):
    smoke = ("--configfile", "config/smoke.yaml")
    alone = project.planned(*smoke)
    together = project.planned(*smoke, "--config", "device=cuda")
    some = [rule for rule in together if rule.startswith("train_")]
    assert some
    assert alone["train"] > together["train"]
    apart = {"device": "cuda", "regression": {"seeds_together": 1}}
    (project.path / "delta.yaml").write_text(yaml.safe_dump(apart))
    assert project.planned(*smoke, "delta.yaml") == alone
