"""A full disk: one sentence that names the file, nothing half written; with room the same call works."""

import os
import pickle
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import torch

from stagewise.stores.files import StoreError
from stagewise.stores.journal import SegmentFiles
from tests.faults.kinds import KINDS, values

SIZES = (4, 12, 32, 64, 96)  # KiB, less than any of the files


def in_a_child(work: Callable[[], Any], tmp_path: Any) -> Any:
    """Return what `work` returns in a process of its own, which HDF5 might end."""
    child = os.fork()
    if not child:
        try:
            (tmp_path / "answer").write_bytes(pickle.dumps(work()))
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    return pickle.loads((tmp_path / "answer").read_bytes())


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


def written_in(folders) -> list[tuple]:
    """Write every kind of file into each folder; return what was said and what was left."""
    found = []
    for folder in folders:
        for name, kind in KINDS.items():
            said = ""
            try:
                kind.write(folder / name, 0)
                kind.read(folder / name)
            except StoreError as error:
                said = str(error)
            found.append((folder, name, said, sorted(path.name for path in folder.iterdir())))
            for path in folder.iterdir():
                path.unlink()
    return found


def test_every_kind_of_file_on_a_disk_that_is_too_small(small_disks, tmp_path):
    found = in_a_child(lambda: written_in(small_disks), tmp_path)
    assert len(found) == len(KINDS) * len(SIZES)
    for folder, name, said, left in found:
        assert f"{folder}/{name} cannot be written" in said, (folder, name, said)
        assert "make room and run again" in said
        assert len(said) <= 300
        assert left == [], (folder, name)
    for folder in small_disks:
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
    for folder, name, said, left in in_a_child(lambda: written_in(small_disks), tmp_path):
        assert said == "", (folder, name)
        assert {name, f".{name}.seal"} <= set(left)
        assert not [one for one in left if one.endswith((".tmp", ".lock"))]


def trained(folder) -> tuple[int, str]:
    """Write the segments that are missing; return the step it went on from and what was said."""
    journal = SegmentFiles(folder, "run", 10)
    kept = journal.load()
    start, said = kept[0] if kept else 0, ""
    try:
        for k in range(start // 10, 6):
            rows = {step: values(step, 400) for step in range(10 * k, 10 * k + 10)}
            journal.save(10 * (k + 1), {"vectors": torch.ones(200) * k}, {"trajectory": rows})
    except StoreError as error:
        said = str(error)
    return start, said


def test_a_training_goes_on_where_the_disk_was_full(small_disks, tmp_path):
    """The segments before it stay, and the run ends with the bytes of an undisturbed one."""
    full, whole = small_disks[-1] / "p", tmp_path / "whole"
    assert "cannot be written" in in_a_child(lambda: trained(full), tmp_path)[1]
    finished = len(list(full.glob("segment-*.h5")))
    assert 0 < finished < 6
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disks[-1])], check=True)
    assert in_a_child(lambda: trained(full), tmp_path) == (10 * finished, "")
    assert in_a_child(lambda: trained(whole), tmp_path) == (0, "")
    files = sorted(whole.glob("segment-*.h5"))
    assert len(files) == 6
    assert all(path.read_bytes() == (full / path.name).read_bytes() for path in files)
