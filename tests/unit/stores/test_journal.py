"""The journal of a training run on disk: segments of the run come back, foreign and damaged ones go."""

import errno
import os

import h5py
import numpy as np
import pytest
import torch

from stagewise.core.training import gathered
from stagewise.stores.files import StoreError
from stagewise.stores.journal import SegmentFiles
from stagewise.stores.trajectory import write_trajectory
from tests.stores import visible


def journal(folder, identity="id"):
    return SegmentFiles(folder, identity, 10)


def kept(folder):
    """Return what lies in a journal's folder besides seals and lock."""
    return [path for path in visible(folder) if path.name != ".lock"]


def filled(folder, count=3):
    """Return a journal of some segments; the rows of segment k are 2 k and 2 k + 1."""
    written = journal(folder)
    for k in range(count):
        state = {"vectors": torch.full((2, 3), float(k)), "diverged_step": torch.tensor([-1, k])}
        rows = {step: np.full(4, step, dtype=np.float16) for step in (2 * k, 2 * k + 1)}
        written.save(10 * (k + 1), state, {"trajectory": rows} | ({"late": rows} if k else {}))
    return written


def test_the_last_state_and_all_rows_come_back(tmp_path):
    filled(tmp_path / "p")
    again = journal(tmp_path / "p")
    step, state = again.load()
    assert step == 30
    assert torch.equal(state["vectors"], torch.full((2, 3), 2.0))
    assert state["diverged_step"].tolist() == [-1, 2]
    assert state["diverged_step"].dtype == torch.int64
    steps, values = gathered(again, "trajectory")
    assert steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert values.dtype == np.float16
    assert values[:, 0].tolist() == steps.tolist()
    assert gathered(again, "late")[0].tolist() == [2, 3, 4, 5]


def test_saving_leaves_earlier_segments_alone(tmp_path):
    filled(tmp_path, count=2)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = journal(tmp_path)
    again.load()
    again.save(30, {"vectors": torch.zeros(1, 1)}, {})
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert [path.name for path in again.segments] == [f"segment-0000{k}.h5" for k in range(3)]


def test_a_new_run_has_no_state(tmp_path):
    assert journal(tmp_path / "p").load() is None


def test_segments_from_a_damaged_one_on_are_made_again(tmp_path, caplog):
    segments = filled(tmp_path).segments
    segments[1].write_bytes(b"not a segment")
    step, _ = journal(tmp_path).load()
    assert step == 10
    assert "segment-00001.h5 is damaged or of another run: made again" in caplog.text
    assert kept(tmp_path) == segments[:1]


def test_a_foreign_journal_is_not_continued(tmp_path, caplog):
    filled(tmp_path)
    assert journal(tmp_path, "other").load() is None
    assert "segment-00000.h5 is damaged or of another run" in caplog.text
    assert kept(tmp_path) == []


def test_a_segment_that_cannot_be_written_leaves_those_before_it(tmp_path, monkeypatch):
    written = filled(tmp_path, count=1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        written.save(20, {"vectors": torch.zeros(1)}, {})
    assert kept(tmp_path) == written.segments
    assert journal(tmp_path).load()[0] == 10


def test_the_trajectory_joins_all_segments(tmp_path):
    written = filled(tmp_path / "p")
    write_trajectory(tmp_path / "trajectory.h5", written, "run", {"seed": 1, "settings": {"x": 1}})
    with h5py.File(tmp_path / "trajectory.h5") as handle:
        assert dict(handle.attrs) == {"identity": "run", "seed": 1, "settings": '{"x": 1}'}
        assert handle["step"][:].tolist() == [0, 1, 2, 3, 4, 5]
        assert handle["outputs"][:, 3].tolist() == [0, 1, 2, 3, 4, 5]
        assert handle["outputs"].chunks == (6, 4)
    written.discard()
    assert [path.name for path in visible(tmp_path)] == ["trajectory.h5"]
