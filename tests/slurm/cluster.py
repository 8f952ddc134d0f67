"""A throw-away Slurm on this host, and copies of the project that send their jobs there."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.projects import SHORT_SPAN, Project

HERE = Path(__file__).parent
PACKAGES = ("munge", "slurmctld", "slurmd", "slurm-client")
SMOKE = ("--configfile", "config/smoke.yaml")
# The GPUs are fake: the configuration says `device: cpu`, and these rules ask for one all the same.
GPU_RULES = ("train", "regression_metrics", "llc_shard")
SITE = """
account: test
status_command: squeue
max_jobs: 20
gpu_model: any
partitions:
  cpu: {max_runtime: 1440, max_mem_mb: 16000, max_threads: 2}
  gpu: {max_runtime: 1440, max_mem_mb: 16000, max_threads: 2, max_gpu: 2}
"""


def reason_against() -> str | None:
    """Return why no cluster can be started here, or None; installs Slurm where it is missing."""
    if os.environ.get("TEST_SLURM") != "1":
        return "run by `make test-slurm`, which installs Slurm and starts its daemons as root"
    if sys.platform != "linux" or os.geteuid() != 0:
        return "starting Slurm needs root on Linux"
    if Path("/etc/slurm/slurm.conf").exists() or os.environ.get("SLURM_CONF"):
        return "this host belongs to a cluster already (/etc/slurm/slurm.conf)"
    if all(shutil.which(name) for name in ("munged", "slurmctld", "slurmd", "sbatch")):
        return None
    if shutil.which("apt-get") is None:
        return "Slurm is not installed, and there is no apt-get to install it with"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ("install", "-y", "-qq", "--no-install-recommends", *PACKAGES)
    for command in (("update", "-qq"), install):
        done = subprocess.run(("apt-get", *command), env=quiet, capture_output=True, text=True)
        if done.returncode != 0:
            return f"apt-get {command[0]} failed: {(done.stderr.split(chr(10)) or [''])[0]}"
    return None


@dataclass(frozen=True)
class Job:
    """A job that waits or runs: its number, Snakemake's comment, its state and its node."""

    number: str
    comment: str
    state: str
    node: str


@dataclass(frozen=True)
class Cluster:
    """A running Slurm of two nodes.

    Parameters
    ----------
    path : Path
        Folder of everything that belongs to it.
    """

    path: Path

    def run(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def jobs(self) -> list[Job]:
        lines = self.run("squeue", "--noheader", "--format=%i|%k|%T|%N").splitlines()
        return [Job(*line.split("|")) for line in lines]

    def running(self, comment: str) -> Job | None:
        """Return a running job whose comment begins so, if there is one."""
        running = [job for job in self.jobs() if job.state == "RUNNING"]
        return next((job for job in running if job.comment.startswith(comment)), None)

    def wait_for(self, condition, process=None, patience: float = 120.0):
        """Return what the condition returns as soon as that is true, while a process runs if given."""
        deadline = time.monotonic() + patience
        while not (found := condition()):
            assert process is None or process.poll() is None, (
                "Snakemake ended before the moment came"
            )
            assert time.monotonic() < deadline, f"the moment never came; jobs: {self.jobs()}"
            time.sleep(0.05)
        return found

    def daemons(self) -> dict[str, int]:
        """Return the pids of the daemons by name."""
        return {p.stem: int(p.read_text()) for p in (self.path / "pid").glob("*.pid")}


@dataclass(frozen=True)
class ClusterProject(Project):
    """A copy of the project whose jobs go to the cluster, by the project's own profile."""

    def command(self, *arguments: str) -> list[str]:
        gpus = [f"{rule}:gpu=1" for rule in GPU_RULES] + [
            f"{rule}:gpu_model=fake" for rule in GPU_RULES
        ]
        return [
            *(sys.executable, str(HERE / "quick_snakemake.py"), *arguments, *SMOKE),
            *("--workflow-profile", "profiles/slurm", "--latency-wait", "10", "--retries", "0"),
            *SHORT_SPAN,
            *("--slurm-init-seconds-before-status-checks", "1", "--set-resources", *gpus),
        ]

    @contextlib.contextmanager
    def running(self, *arguments: str, output=subprocess.DEVNULL):
        """Run in the background; what is left of it at the end of the block is killed."""
        process = self.start(*arguments, output=output)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
