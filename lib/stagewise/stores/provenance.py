"""Where a file comes from: versions, commit, time. Recorded in every store, never used in a result."""

from __future__ import annotations

import datetime
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[3]
"""The checkout, two folders above the package."""

PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "h5py", "xarray", "arviz-stats", "snakemake")


def provenance() -> dict[str, str]:
    """Return versions of what computed a file, the code's commit and the time (UTC)."""
    return {
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "python": platform.python_version(),
        **{f"version_{name}": _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    # An installed copy may lie inside a repository of something else.
    if not (ROOT / ".git").exists():
        return "unknown (not a git checkout)"
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown (git failed)"
    return result.stdout.strip()
