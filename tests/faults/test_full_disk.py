"""A full disk: one sentence that names the file, nothing half written; with room the same call works."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZES = (4, 12, 32, 64, 96)  # KiB, less than any of the files
WRITER = """
import json, sys
from pathlib import Path
from stagewise.stores.files import StoreError
from tests.faults.kinds import KINDS
for folder in map(Path, sys.argv[1:]):
    for name, kind in KINDS.items():
        path, said = folder / name, ""
        try:
            kind.write(path, 0)
            kind.read(path)
        except StoreError as error:
            said = str(error)
        left = sorted(p.name for p in folder.iterdir())
        for written in folder.iterdir():
            written.unlink()
        print(json.dumps([str(folder), name, said, left]), flush=True)
"""


@pytest.fixture
def small_disks(tmp_path):
    """Return folders that are file systems of some sizes."""
    folders = [tmp_path / str(size) for size in SIZES]
    mounted = []
    try:
        for folder, size in zip(folders, SIZES, strict=True):
            folder.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "none", str(folder)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("only root can mount a small file system here")
            mounted.append(folder)
        yield folders
    finally:
        for folder in mounted:
            subprocess.run(["umount", str(folder)], check=True)


def written_in(folders) -> list:
    """Write every kind of file into each folder, in a process of its own, which HDF5 might end."""
    path = os.pathsep.join([str(ROOT / "lib"), str(ROOT)])
    command = [sys.executable, "-c", WRITER, *map(str, folders)]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_kind_of_file_on_a_disk_that_is_too_small(small_disks):
    found = written_in(small_disks)
    assert len(found) == 10 * len(SIZES)
    for folder, name, said, left in found:
        assert f"{folder}/{name} cannot be written" in said, (folder, name, said)
        assert "make room and run again" in said
        assert len(said) <= 300
        assert left == [], (folder, name)
    for folder in small_disks:
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
    for folder, name, said, left in written_in(small_disks):
        assert said == "", (folder, name)
        assert left == sorted([name, f".{name}.seal", *[f for f in left if f.endswith(".rst")]])


def test_a_training_goes_on_where_the_disk_was_full(small_disks):
    """The segments before it stay, and the run ends with the bytes of an undisturbed one."""
    code = """
import sys
from pathlib import Path
import torch
from stagewise.stores.files import StoreError
from stagewise.stores.journal import SegmentFiles
from tests.faults.kinds import values
journal = SegmentFiles(Path(sys.argv[1]), "run", 10)
kept = journal.load()
print(kept[0] if kept else 0)
try:
    for k in range((kept[0] if kept else 0) // 10, 6):
        rows = {step: values(step, 400) for step in range(10 * k, 10 * k + 10)}
        journal.save(10 * (k + 1), {"vectors": torch.ones(200) * k}, {"trajectory": rows})
except StoreError as error:
    sys.exit(f"{error}")
"""
    path = os.pathsep.join([str(ROOT / "lib"), str(ROOT)])

    def run(folder):
        command = [sys.executable, "-c", code, str(folder)]
        environment = {**os.environ, "PYTHONPATH": path}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    full, whole = small_disks[-1] / "p", small_disks[0].parent / "whole"
    first = run(full)
    assert first.returncode == 1
    assert first.stderr.count("\n") == 1
    assert "cannot be written" in first.stderr
    finished = len(list(full.glob("segment-*.h5")))
    assert 0 < finished < 6
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disks[-1])], check=True)
    again = run(full)
    assert (again.returncode, int(again.stdout)) == (0, 10 * finished), again.stderr
    assert run(whole).returncode == 0
    files = sorted(whole.glob("segment-*.h5"))
    assert len(files) == 6
    assert all(path.read_bytes() == (full / path.name).read_bytes() for path in files)
