"""Several networks in one job: the script of the rules that a GPU gets, in blocks on the CPU."""

import h5py
import numpy as np
import pytest

from scripts.train_together import main
from stagewise.core.unanswered import UnansweredError
from stagewise.stores.checkpoints import network_along
from stagewise.studies.regression import training

SETTINGS = {
    "task": {"dimension": 2, "num_examples": 3, "noise_variance": 0.125, "num_tasks": None},
    "network": {
        **{"num_layers": 1, "num_heads": 2, "embed_dim": 8, "mlp_dim": 8},
        "residual": "doubled",
    },
    "training": {
        **{"num_steps": 12, "batch_size": 4, "max_learning_rate": 0.01, "warmup_fraction": 0.5},
        **{"betas": [0.9, 0.999], "epsilon": 1e-8, "segment_steps": 12},
    },
    "checkpoints": {"num_linear": 3, "num_logarithmic": 2},
    "trajectory": {"num_contexts": 4, "num_steps": 4},
}
RUNS = {"base-s0": [0, "identity0"], "base-s1": [1, "identity1"]}


@pytest.fixture(autouse=True)
def in_blocks(monkeypatch):
    monkeypatch.setattr(training, "runs_in_blocks", lambda device: True)
    monkeypatch.setattr(training, "BLOCK_STEPS", 5)


def trained(folder):
    paths = [(f"{folder}/{name}.h5", f"{folder}/{name}-trajectory.h5") for name in RUNS]
    main(
        paths=paths,
        study="regression",
        runs=RUNS,
        settings=SETTINGS,
        segment_steps=5,
        root_seed=0,
        device="cpu",
    )
    return paths


def test_each_network_has_its_stores_and_numbers_of_its_own(tmp_path):
    paths = trained(tmp_path)
    ends = []
    for (name, (seed, identity)), (checkpoints, trajectory) in zip(
        RUNS.items(), paths, strict=True
    ):
        steps, params_at = network_along(checkpoints, identity, "cpu")[:2]
        assert steps == (0, 1, 6, 12)
        ends.append(params_at(12)["unembedding.weight"].numpy())
        with h5py.File(checkpoints) as handle:
            assert (handle.attrs["run"], handle.attrs["seed"]) == (name, seed)
            assert handle["optimiser/first_moment"].shape == handle["optimiser/second_moment"].shape
        with h5py.File(trajectory) as handle:
            assert handle["outputs"].shape == (4, 4 * 6 * 3)
    assert not np.array_equal(*ends)
    assert sorted(path.suffix for path in tmp_path.iterdir() if path.name[0] != ".") == [".h5"] * 4


def test_one_that_diverges_leaves_the_others_alone(tmp_path, monkeypatch):
    whole = trained(tmp_path / "whole")
    block = training.RegressionRun.training_block

    def wild(self, number, count, tasks):
        inputs, labels = block(self, number, count, tasks)
        return (
            (inputs, labels * float("nan"))
            if self.name == "base-s1" and number
            else (inputs, labels)
        )

    monkeypatch.setattr(training.RegressionRun, "training_block", wild)
    (good, _), (bad, worse) = trained(tmp_path / "wild")
    params = [network_along(path, "identity0", "cpu")[1](12) for path in (whole[0][0], good)]
    for name, value in params[0].items():
        np.testing.assert_array_equal(params[1][name], value)
    for path in (bad, worse):
        with h5py.File(path) as handle:
            assert "base-s1: the loss is not finite at step 5" in str(dict(handle.attrs))
    with pytest.raises(UnansweredError, match="max_learning_rate"):
        network_along(bad, "identity1", "cpu")
