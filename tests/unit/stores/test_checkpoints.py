"""Checkpoints: what was written comes back, and nothing else passes for it."""

import h5py
import numpy as np
import pytest
import torch

from stagewise.stores.checkpoints import (
    Checkpoints,
    checkpoint_index,
    read_checkpoint,
    read_checkpoints,
    write_checkpoints,
    write_programs,
)
from stagewise.stores.files import StoreError
from tests.stores import sealed

IDENTITY = "abc"
ONE = [(step, {"w": np.float32([step, 1]), "b": np.float32(-step)}) for step in (0, 10, 20)]
MANY = {
    "late": Checkpoints(
        np.array([0, 5]),
        {"w": torch.arange(12.0).reshape(2, 3, 2), "b": torch.tensor([[1.0, 2, 3], [4, 5, 6]])},
    ),
    "early": Checkpoints(np.array([0]), {"w": torch.zeros(1, 1, 2, dtype=torch.float64)}),
}


@pytest.fixture
def single(tmp_path):
    path = tmp_path / "checkpoints.h5"
    write_checkpoints(path, ONE, IDENTITY, {"run": "a"}, {"momentum": np.ones(3)})
    return path


@pytest.fixture
def programs(tmp_path):
    path = tmp_path / "programs.h5"
    write_programs(path, {n: (f"{n}-id", c.rows()) for n, c in MANY.items()}, {"experiment": "x"})
    return path


def test_a_checkpoint_comes_back(single):
    assert checkpoint_index(single).tolist() == [0, 10, 20]
    found = read_checkpoint(single, 10, IDENTITY)
    assert list(found) == ["w", "b"]
    assert (found["w"].tolist(), found["b"].tolist()) == ([10, 1], -10)


def test_the_file_of_one_network_keeps_its_layout(single):
    with h5py.File(single) as handle:
        assert dict(handle.attrs) == {
            "run": "a", "identity": IDENTITY, "parameter_names": '["w", "b"]'
        }  # fmt: skip
        assert handle["parameters/w"].shape == (3, 2)
        assert handle["parameters/w"].chunks == (1, 2)
        assert handle["parameters/w"].dtype == np.float32
        assert handle["optimiser/momentum"][:].tolist() == [1, 1, 1]
        assert handle["step"].dtype == np.int64


def test_a_program_comes_back_whole_or_by_network(programs):
    for name, kept in MANY.items():
        found = read_checkpoints(programs, f"{name}-id", name)
        assert found.steps.tolist() == kept.steps.tolist()
        for parameter, values in kept.params.items():
            assert torch.equal(found.params[parameter], values)
            assert found.params[parameter].dtype == values.dtype
    late = MANY["late"]
    one = read_checkpoint(programs, 5, "late-id", group="late", replica=2)
    for name, value in late.at(5, 2).items():
        assert one[name].tolist() == value.tolist() == late.params[name][1, 2].tolist()
    assert read_checkpoint(programs, 5, group="late")["b"].tolist() == [4, 5, 6]


def test_foreign_checkpoints_are_refused(single, programs):
    with pytest.raises(StoreError, match="belongs to run identity abc, expected xyz: delete it"):
        read_checkpoint(single, 10, "xyz")
    message = "'late' belongs to run identity late-id, expected xyz: delete it"
    with pytest.raises(StoreError, match=message):
        read_checkpoints(programs, "xyz", "late")
    with pytest.raises(StoreError, match="has no setting 'other': delete it"):
        read_checkpoints(programs, "xyz", "other")


@pytest.mark.parametrize("step", [0, 20])
def test_altered_parameters_are_refused(single, step):
    with h5py.File(single, "r+") as handle:
        handle["parameters/w"][step // 10, 0] += 1
    sealed(single)
    with pytest.raises(StoreError, match=f"step {step} do not match their digest"):
        read_checkpoint(single, step, IDENTITY)


def test_one_altered_network_spoils_its_program(programs):
    with h5py.File(programs, "r+") as handle:
        handle["late/parameters/w"][1, 0, 0] += 1
    sealed(programs)
    with pytest.raises(StoreError, match="step 5 do not match their digest"):
        read_checkpoint(programs, 5, "late-id", group="late", replica=2)
    with pytest.raises(StoreError, match="step 5 do not match their digest"):
        read_checkpoints(programs, "late-id", "late")
    assert read_checkpoint(programs, 0, "late-id", group="late", replica=2)["b"] == 3


def test_an_absent_step(single):
    with pytest.raises(StoreError, match="no checkpoint at step 5"):
        read_checkpoint(single, 5, IDENTITY)
