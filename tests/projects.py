"""Throw-away copies of the project in which the workflow really runs."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stagewise.workflow.reruns import Job, planned_jobs
from stagewise.workflow.studies import STUDIES

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "rules", "scripts", "lib", "config", "docs", "envs", "profiles", "report")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Snakemake ends a span after the last job: short runs want that of a second.
SHORT_SPAN = ("--max-jobs-per-timespan", "100/1s")


@dataclass(frozen=True)
class Project:
    """A copy of the project.

    Parameters
    ----------
    path : Path
        Its top folder.
    """

    path: Path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *SHORT_SPAN, *arguments]

    def snakemake(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        result = subprocess.run(
            self.command(*arguments),
            cwd=self.path,
            env=ENVIRONMENT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout[-6000:]
        return result

    def start(self, *arguments: str, output: Any = subprocess.DEVNULL) -> subprocess.Popen:
        """Start a run in a process group of its own, which a test may kill."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            env=ENVIRONMENT,
            start_new_session=True,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Return how many jobs of each rule a dry run lists."""
        lines = self.snakemake("--dry-run", *arguments).stdout.splitlines()
        if "Job stats:" not in lines:
            return {}
        jobs = {}
        for line in lines[lines.index("Job stats:") + 3 :]:
            if not line.strip():
                break
            rule, count = line.split()
            jobs[rule] = int(count)
        return {rule: count for rule, count in jobs.items() if rule not in ("total", "all")}

    def planned_work(self, *arguments: str) -> set[str]:
        """Return what a dry run lists: figures by name, else rules, with the study where shared."""
        return set(map(work_of, planned_jobs(self.snakemake("--dry-run", *arguments).stdout)))

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace text in a file of the project; the text must be there."""
        path = self.path / name
        text = path.read_text()
        assert old in text, f"{name} does not hold {old!r}"
        path.write_text(text.replace(old, new, 1))


def work_of(job: Job) -> str:
    """Return the name of a figure, or the rule of a job, with the study if its rule serves several."""
    made = Path(job.outputs[0])
    if job.rule == "figure":
        return made.stem
    if job.rule == "claims":
        return f"{job.rule} {made.stem}"
    study = made.parts[2]
    serves_several = study in STUDIES and not job.rule.startswith(study)
    return f"{job.rule} {study}" if serves_several else job.rule


def copy_project(target: Path) -> Project:
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / part)
    return Project(target)


def kill_when(process, condition, patience=120.0) -> None:
    """Kill a whole process group as soon as the condition holds."""
    deadline = time.monotonic() + patience
    while not condition():
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "the moment to kill never came"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
