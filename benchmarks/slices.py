"""The published scale in slices: runs of the workflow that end by themselves and go on elsewhere.

    .venv/bin/python -m benchmarks.slices --minutes 9 --keep OUT
    .venv/bin/python -m benchmarks.slices --minutes 9 --keep OUT --start OUT    # until all is there

Each slice asks Snakemake for some results. When the minutes are over its jobs are ended: training goes
on from its last segment, the LLC from its last checkpoint. What is there goes to OUT, in parts of 15 MB,
the small results first and no more than the megabytes given; `--start` unpacks them.
"""

import argparse
import functools
import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from stagewise.workflow.config import checked, merge
from stagewise.workflow.plan import Plan

PART = 15 * 2**20
CONFIGS = ("config/workstation.yaml", "config/published.yaml")
OF_A_RUN = ("metrics.nc", "structure.nc", "ed.nc", "forms.nc")
"""What is made of each regression network, beside its LLCs."""


def plan_of(configs: Sequence[str]) -> Plan:
    """Return the plan of configurations, each over the one before."""
    merged: dict[str, Any] = {}
    for name in ("config/config.yaml", *configs):
        merged = merge(merged, yaml.safe_load(Path(name).read_text()))
    return Plan(checked(merged))


def slices(plan: Plan) -> dict[str, list[str]]:
    """Return the files that each slice asks for, the slice that is worth most first."""
    shown, runs = plan.shown_run, plan.runs_of("regression", "llc")
    first = [plan.shown_run, *(run for run in runs if run is not shown)]
    asked = {}
    for run in first:
        files = [path for name in OF_A_RUN for path in plan.stores(name, [run])]
        asked[run.name] = files + plan.llc_stores("llc.nc", [run], ["published", "local"])
    (text,) = plan.runs_of("language", variant="twolayers")[:1]
    return asked | {"language": plan.stores("metrics.nc", [text])}


def run(command: list[str], end: float) -> bool:
    """Run until it ends or the time does; return whether it ended by itself, well."""
    # Started in the background of a shell, this process ignores interrupts, and so would its child.
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, start_new_session=True, preexec_fn=heed)
    try:
        return process.wait(max(0.0, end - time.monotonic())) == 0
    except subprocess.TimeoutExpired:
        for number, patience in ((signal.SIGINT, 20), (signal.SIGKILL, 10)):
            os.killpg(process.pid, number)
            try:
                process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        return False


def kept(results: Path, megabytes: float) -> Iterator[Path]:
    """Yield what is carried on: small files first, of large ones those that still fit."""
    folders = results, Path(".snakemake/metadata")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    room = megabytes * 1e6
    for path in sorted(files, key=lambda path: path.stat().st_size):
        room -= path.stat().st_size
        if room < 0:
            print(f"left out: {path} and what is larger", flush=True)
            return
        yield path


def pack(results: Path, target: Path, megabytes: float) -> None:
    """Write what is carried on into a folder, in parts."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for path in kept(results, megabytes):
            archive.add(path)
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("results.tar.*"):
        old.unlink()
    content = whole.getvalue()
    for number, first in enumerate(range(0, len(content), PART)):
        (target / f"results.tar.{number:02d}").write_bytes(content[first : first + PART])


def unpack(source: Path) -> None:
    """Put what another slice carried on where it was, with its time stamps."""
    parts = sorted(source.glob("results.tar.*"))
    content = b"".join(part.read_bytes() for part in parts)
    if content:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            archive.extractall(filter="data")


def main() -> None:
    """Run slices until the minutes are over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument(
        "--keep", type=Path, required=True, help="folder for what is there at the end"
    )
    parser.add_argument("--start", type=Path, help="folder of what was there")
    parser.add_argument("--megabytes", type=float, default=60.0)
    parser.add_argument("--cores", type=int, default=8)
    parser.add_argument("--slices", nargs="*", help="all without it")
    parser.add_argument("--configfiles", nargs="+", default=CONFIGS)
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    if options.start:
        unpack(options.start)
    plan = plan_of(options.configfiles)
    asked = slices(plan)
    snakemake = [sys.executable, "-m", "snakemake", "--cores", str(options.cores)]
    snakemake += ["--configfile", *options.configfiles]
    if Path(".snakemake/locks").exists():
        shutil.rmtree(".snakemake/locks")  # of a slice that was ended; two at a time must not run
    for name in options.slices or asked:
        began = time.monotonic()
        done = run([*snakemake, "--quiet", "rules", "--", *asked[name]], end)
        state = "done" if done else "not done"
        print(f"slice {name}: {state}, {time.monotonic() - began:.0f} s", flush=True)
        if time.monotonic() > end:
            break
    pack(Path(plan.results), options.keep, options.megabytes)


if __name__ == "__main__":
    main()
