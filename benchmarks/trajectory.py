"""Memory and time of essential dynamics at the published size: 5,000 steps of 81,920 outputs.

The trajectory is a random walk, written to a temporary store of 1.6 GB in the chunks of a real one; the
rule's own script then runs in a process of its own, whose largest memory is reported.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

from stagewise.core.seeding import StreamKey
from stagewise.stores.files import write_attributes

ROWS, COLUMNS = 256, 1024  # a chunk, as stagewise.stores.segments writes them

PROGRAM = """
from scripts.essential_dynamics import main
main(path_to_trajectory={0!r}, path_to_ed={1!r}, run="walk", num_components=3, identity="walk")
"""


def write_walk(path: Path, num_steps: int, num_features: int) -> None:
    """Write a Gaussian random walk as a trajectory store, some features at a time."""
    draw = np.random.default_rng(StreamKey(0, ("benchmark",)).seed)
    with h5py.File(path, "w") as handle:
        write_attributes(handle, {"identity": "walk"})
        handle["step"] = np.arange(num_steps)
        chunks = (min(ROWS, num_steps), min(COLUMNS, num_features))
        shape = (num_steps, num_features)
        outputs = handle.create_dataset("outputs", shape, "float32", chunks=chunks)
        for start in range(0, num_features, COLUMNS):
            count = min(COLUMNS, num_features - start)
            walk = draw.standard_normal((num_steps, count), dtype=np.float32)
            outputs[:, start : start + count] = walk.cumsum(axis=0)


def main() -> None:
    """Print the size of the store and what the analysis took."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--steps", type=int, default=5000)
    options.add_argument("--features", type=int, default=81_920)
    sizes = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        walk, ed = Path(folder) / "trajectory.h5", Path(folder) / "ed.nc"
        write_walk(walk, sizes.steps, sizes.features)
        program = PROGRAM.format(str(walk), str(ed))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], check=True)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{sizes.steps:,} steps of {sizes.features:,} outputs")
        print(f"store: {walk.stat().st_size / 1e9:.2f} GB")
        print(f"memory: {used.ru_maxrss * 1024 / 1e9:.2f} GB")  # Linux counts kilobytes
        print(
            f"time: {used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime:.0f} CPU s"
        )


if __name__ == "__main__":
    main()
