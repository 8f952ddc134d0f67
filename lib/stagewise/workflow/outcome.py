"""What a run of the workflow says at its end, and what it takes back.

Light: it is read at every start of Snakemake.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from stagewise.core.unanswered import MARK


class Standing:
    """Files that bring everything together, as they stand when a run begins.

    Parameters
    ----------
    paths : sequence of path
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._before = {Path(path): _written(Path(path)) for path in paths}

    def made(self) -> list[Path]:
        """Return those that have been written since."""
        return [p for p, before in self._before.items() if _written(p) not in (None, before)]

    def withdraw(self) -> list[Path]:
        """Remove those that have not been written since, and return them: they are of older results."""
        old = [p for p, before in self._before.items() if before and _written(p) == before]
        for path in old:
            path.unlink()
        return old


def _written(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def not_testable(tables: Iterable[str | Path]) -> dict[str, str]:
    """Return by figure the reasons of those that hold no answer, from the tables beside them."""
    found = {}
    for path in filter(Path.exists, map(Path, tables)):
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            if next(rows, None) == [MARK]:
                found[path.stem] = next(rows)[0]
    return found


def at_the_end(
    standing: Standing, tables: Iterable[str | Path], figures: str, studies: Iterable[str]
) -> list[str]:
    """Return the lines with which a run ends well.

    Parameters
    ----------
    standing : Standing
        Of claims and report.
    tables : iterable of path
        Numbers of all figures.
    figures : str
        Folder of the figures.
    studies : iterable of str
    """
    made = standing.made()
    lines = [f"{path.stem.capitalize() + ':':<8} {path}" for path in made]
    if made:
        folders = [Path(figures, study) for study in studies]
        lines += [f"Figures: {folder}/" for folder in folders if folder.is_dir()]
        reasons = not_testable(tables)
        lines += [f"Not testable: {name}, {reason}" for name, reason in reasons.items()]
    return lines


_KILLED = re.compile(
    r"(?:died with <Signals\.SIGKILL: 9>|non-zero exit status 137)\.\n(?:\[.*\]\n)?"
    r"Error in rule (\w+):\n(?:    .*\n)*?    output: (\S+?),?\s"
)

_OUT_OF_MEMORY = re.compile(
    r"Error in rule (\w+):\n    message: SLURM-job .* SLURM status is: 'OUT_OF_MEMORY'.*\n"
    r"(?:    .*\n)*?    output: (\S+?),?\s"
)


def killed_jobs(log: str) -> list[str]:
    """Return a sentence for each job that the system has killed, by what Snakemake's log says."""
    here = (
        "Killed by the system: {}, most likely because memory ran out. Run fewer jobs at a time "
        "(--cores), or"
    )
    there = (
        "Killed by Slurm, as it took more memory than it asked for: {}. If every attempt ends so,"
    )
    ends = [(here, *one) for one in _KILLED.findall(log)]
    ends += [(there, *one) for one in _OUT_OF_MEMORY.findall(log)]
    lines = []
    for said, rule, output in ends:
        asked = re.findall(rf"rule {rule}:\n(?:    .*\n)*?    resources: .*\bmem_mb=(\d+)", log)
        more = 2 * max(map(int, asked), default=4000)
        lines.append(
            f"{said.format(f'{rule} ({output})')} let it ask for more: "
            f"--set-resources {rule}:mem_mb={more}"
        )
    return lines


def after_a_failure(standing: Standing, logs: Iterable[str | Path] = ()) -> list[str]:
    """Return the lines with which a run ends that failed, after old claims and report are removed.

    Parameters
    ----------
    standing : Standing
    logs : iterable of path
        Snakemake's own.
    """
    texts = [path.read_text(errors="replace") for path in map(Path, logs) if path.is_file()]
    lines = [line for text in texts for line in killed_jobs(text)]
    lines += [f"Removed: {path}, which was of older results" for path in standing.withdraw()]
    return [
        *lines,
        "Jobs that do not depend on what failed were made. The name of a study as target, as in "
        "'snakemake scurves', makes the report of that study alone.",
    ]
