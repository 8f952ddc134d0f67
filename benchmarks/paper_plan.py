"""What it takes to plan the paper preset, and to start one job of it.

CPU time and largest memory of Snakemake in processes of its own, the least of some rounds: its start
without a workflow, the parse of the Snakefile, the plan of one job, and the plan of all jobs. A job on a
cluster starts Snakemake twice, once for the job and once for its step, plans one job each time, and then
starts the rule's script.
"""

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass

PAPER = ("--configfile", "config/paper.yaml")
ONE = "results/paper/regression/base-s0/llc/local/shard-0000.nc"


@dataclass(frozen=True)
class Used:
    """What a process took: seconds of processor, seconds of wall clock, megabytes."""

    cpu: float
    wall: float
    memory: float


def measure(*arguments: str) -> tuple[Used, str]:
    """Run Python and return what it took and what it printed."""
    command = (sys.executable, *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        before = os.times().elapsed
        output = process.stdout.read().decode() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    wall = os.times().elapsed - before
    return Used(used.ru_utime + used.ru_stime, wall, used.ru_maxrss / 1024), output


def least(rounds: int, *arguments: str) -> tuple[Used, str]:
    """Return the round that took the least of the processor."""
    return min((measure(*arguments) for _ in range(rounds)), key=lambda found: found[0].cpu)


def main() -> None:
    """Print one line each, and the jobs by rule."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    snakemake = ("-m", "snakemake")
    start, _ = least(rounds, *snakemake, "--version")
    parse, _ = least(rounds, *snakemake, "--list-rules", *PAPER)
    one, _ = least(rounds, *snakemake, "--dry-run", "--quiet", "all", "--cores", "1", ONE, *PAPER)
    script, _ = least(rounds, "-c", "import scripts.llc_shard")
    plan, text = least(rounds, *snakemake, "--dry-run", "--cores", "1", *PAPER)
    print(f"start of Snakemake: {start.cpu:.2f} CPU s")
    print(f"parse of the Snakefile: {parse.cpu - start.cpu:.2f} CPU s more")
    print(f"a job on a cluster: 2 x {one.cpu:.2f} CPU s of Snakemake, {script.cpu:.2f} of imports")
    print(f"plan of all jobs: {plan.wall:.1f} s, {plan.cpu:.1f} CPU s, {plan.memory:.0f} MB")
    stats = text[text.index("Job stats:") :].split("\n\n")[0]
    print(stats)


if __name__ == "__main__":
    main()
