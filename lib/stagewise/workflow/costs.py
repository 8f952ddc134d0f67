"""What a run has cost: processor time, memory and number of jobs, by study and rule."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from stagewise.stores.files import StoreError

INSTRUMENTS = ("validation", "calibration", "instruments")
_COLUMNS = {"s": "wall_s", "cpu_time": "cpu_s", "max_rss": "memory_mb"}


def job_costs(files: Sequence[str | Path], patterns: Mapping[str, str]) -> pd.DataFrame:
    """Read Snakemake's benchmark files, one job each.

    Parameters
    ----------
    files : sequence of str or Path
        Paths as the rules name them; those of no rule, left by an earlier configuration, do not count.
    patterns : mapping of str to str
        By rule, the regular expression of its benchmark files.

    Returns
    -------
    DataFrame
        ``study, rule, wall_s, cpu_s`` (seconds) and ``memory_mb`` (largest resident memory, MB), NaN
        where a job was too short to be measured.

    Raises
    ------
    StoreError
        If a file is not that of a benchmark.
    """
    compiled = {rule: re.compile(pattern) for rule, pattern in patterns.items()}
    rows = []
    for name in sorted(str(file) for file in files):
        rule = next((r for r, pattern in compiled.items() if pattern.match(name)), None)
        if rule is not None:
            rows.append({"study": _study(Path(name)), "rule": rule, **_measured(name)})
    names = ("study", "rule")
    types = {**dict.fromkeys(names, "str"), **dict.fromkeys(_COLUMNS.values(), "float")}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def cost_table(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return what the jobs of each study and rule have cost together.

    Parameters
    ----------
    jobs : DataFrame
        Result of `job_costs`.

    Returns
    -------
    DataFrame
        Layout `workflow.layout.COST`: ``study, rule, jobs``; ``cpu_s`` and ``wall_s``, sums over
        the jobs; ``longest_s``, the most processor time of one job; ``memory_mb``, the most of one job.
        The costliest rule of each study is first.
    """
    table = jobs.groupby(["study", "rule"], as_index=False).agg(
        jobs=("rule", "size"),
        cpu_s=("cpu_s", "sum"),
        wall_s=("wall_s", "sum"),
        longest_s=("cpu_s", "max"),
        memory_mb=("memory_mb", "max"),
    )
    order = ["study", "cpu_s", "rule"]
    return table.sort_values(order, ascending=[True, False, True], ignore_index=True)


def _study(path: Path) -> str:
    """Return the study of a file below ``logs/<preset>/``; what serves all of them is "all"."""
    folders = path.parent.parts[2:]
    if folders[:1] == ("figures",):
        folders = folders[1:]
    if not folders:
        return "all"
    return "instruments" if folders[0] in INSTRUMENTS else folders[0]


def _measured(path: str) -> dict[str, float]:
    """Return the measures of one job; the last line counts, where a job was repeated."""
    try:
        text = Path(path).read_text(encoding="ascii")
        if "\0" in text:  # which pandas reads without end
            raise ValueError(path)
        last = pd.read_csv(io.StringIO(text), sep="\t", na_values=["-"]).iloc[-1]
        return {ours: float(last[theirs]) for theirs, ours in _COLUMNS.items()}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise StoreError(f"{path} is not a benchmark of Snakemake: delete it") from error
