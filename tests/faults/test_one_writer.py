"""One process writes a file or goes on with a training, the next is told who; the dead hold nothing."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import torch

from stagewise.core.descent import Descent
from stagewise.core.settings import OptimiserSettings
from stagewise.core.training import Recorder, train
from stagewise.stores import files, locks
from stagewise.stores.checkpoints import write_checkpoints
from stagewise.stores.files import StoreError, atomic_path
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.trajectory import write_trajectory


@pytest.fixture
def holder(request, tmp_path):
    """Return a process that is writing, and what: a file, or the segments of a training."""
    path = tmp_path / ("run.partial" if request.param == "journal" else "out.txt")
    ready, begun = os.pipe()
    child = os.fork()
    if not child:
        try:
            if request.param == "journal":
                journal = SegmentFiles(path, "run", 10)
                journal.load()
                os.write(begun, b"!")
                time.sleep(60)
            with atomic_path(path) as temporary:
                temporary.write_text("half")
                os.write(begun, b"!")
                time.sleep(60)
        finally:
            os._exit(1)
    assert os.read(ready, 1) == b"!"
    yield child, path, request.param
    os.close(ready)
    os.close(begun)
    with contextlib.suppress(ChildProcessError):  # a test has ended it
        if os.waitpid(child, os.WNOHANG) == (0, 0):
            end(child)


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def write(path, kind) -> None:
    if kind == "journal":
        journal = SegmentFiles(path, "run", 10)
        journal.load()
        journal.save(10, {"vectors": torch.ones(3)}, {})
        journal.discard()
    else:
        with atomic_path(path) as temporary:
            temporary.write_text("whole")


@pytest.mark.parametrize("holder", ["file", "journal"], indirect=True)
def test_the_second_writer_is_told_who_the_first_is(holder, tmp_path):
    child, path, kind = holder
    before = {p.name for p in tmp_path.rglob("*")}
    with pytest.raises(StoreError, match="is being written by process") as caught:
        write(path, kind)
    assert f"{path} is being written by process {child} on {socket.gethostname()}" in str(
        caught.value
    )
    assert len(str(caught.value)) <= 300
    assert {p.name for p in tmp_path.rglob("*")} == before
    end(child)
    write(path, kind)
    left = {p.name for p in tmp_path.rglob("*")}
    assert left == (set() if kind == "journal" else {"out.txt", ".out.txt.seal"})


@pytest.mark.parametrize("holder", ["file"], indirect=True)
def test_where_the_file_system_has_no_locks_the_name_of_the_owner_counts(holder, monkeypatch):
    child, path, kind = holder
    monkeypatch.setattr(locks, "_NO_LOCKS", (*locks._NO_LOCKS, 11, 13))
    with pytest.raises(StoreError, match=f"process {child} on"):
        write(path, kind)
    lock = path.with_name(".out.txt.lock")
    lock.write_text(f"{child} another-host\n")
    with pytest.raises(StoreError, match=r"on another-host: wait .* delete \.out\.txt\.lock"):
        write(path, kind)
    lock.write_text("no process\n")
    write(path, kind)
    assert path.read_text() == "whole"


# Kills


def training(folder: Path) -> dict[str, bytes]:
    """Train one vector for 20 steps in 2 segments and return its files by name."""
    vectors = torch.linspace(-1, 1, 50).repeat(1, 1).clone()

    def gradients_at(step):
        gradients = (vectors - 0.1 * step).sin()
        return gradients.square().sum(1), gradients

    settings = OptimiserSettings("adamw", 0.0)
    descent = Descent(vectors, [(slice(0, 1), gradients_at)], settings, lambda step: 0.05)
    kept = Recorder(
        range(0, 21, 4), lambda descent, step: {"trajectory": descent.vectors[0].numpy().copy()}
    )
    journal = SegmentFiles(folder / "checkpoints.h5.partial", "run", 10)
    train(descent, 20, [kept], journal)
    rows = [(int(s), {"w": v}) for steps, values in journal.blocks("trajectory")
            for s, v in zip(steps, values, strict=True)]  # fmt: skip
    state = {name: values.numpy() for name, values in descent.state.items()}
    write_checkpoints(folder / "checkpoints.h5", rows, "run", {}, state)
    write_trajectory(folder / "trajectory.h5", journal, "run", {})
    journal.discard()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def killed_at(moment: int, folder: Path) -> bool:
    """Train in a child that is killed when it touches the disk for the n-th time; say whether it was."""
    child = os.fork()
    if not child:
        left = moment

        def counted(function):
            def call(*arguments, **keywords):
                nonlocal left
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*arguments, **keywords)

            return call

        for name in ("replace", "fsync", "pwrite", "open"):
            setattr(os, name, counted(getattr(os, name)))
        files.write_seal = counted(files.write_seal)
        try:
            training(folder)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_a_training_killed_at_any_moment_ends_with_the_same_bytes(tmp_path):
    """Also if it is killed again and again: at each moment at which it touches the disk."""
    (tmp_path / "whole").mkdir()
    whole = training(tmp_path / "whole")
    assert set(whole) == {
        *("checkpoints.h5", ".checkpoints.h5.seal"),
        *("trajectory.h5", ".trajectory.h5.seal"),
    }
    moments = 0
    for moment in range(0, 200, 2):
        folder = tmp_path / str(moment)
        folder.mkdir()
        if not killed_at(moment, folder):
            break
        moments += 1
        killed_at(moment // 2, folder)
        assert training(folder) == whole, moment
    assert moments >= 10
