"""Batched training is serial training: same updates, same streams, no word between neighbours."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray as xr

from stagewise.core.descent import Descent
from stagewise.core.seeding import StreamKey
from stagewise.stores.files import write_dataset
from stagewise.stores.journal import SegmentFiles
from stagewise.studies.modular import model, transformer
from stagewise.studies.modular.layout import CURVES
from stagewise.studies.modular.records import measurements
from stagewise.studies.modular.settings import (
    NetworkSettings,
    Program,
    Replica,
    TaskSettings,
    TransformerSettings,
)
from stagewise.studies.modular.stacked import AT_ONCE, BatchRows, all_pairs, initial_parameters
from stagewise.studies.modular.task import split
from stagewise.studies.modular.training import train
from tests.layouts import assert_keeps

KEY = StreamKey(5, ("modular",))
TASK = TaskSettings(7, 0.7)
NETWORK = NetworkSettings(4, 6)
PROGRAM = Program(TASK, NETWORK, num_steps=12, batch_size=9, precision="double")
REPLICAS = [
    Replica("pair", 0, 0.02, 0.1),
    Replica("pair", 1, 0.01),
    Replica("pair", 1, 0.01, 0.3, initial_scale=2.0),
    Replica("other", 0, 0.03, 0.1, initial_scale=0.5),
]
LOSSES = {"cross_entropy": model.cross_entropy, "mse": model.mean_squared_error}


def serial(program: Program, replica: Replica) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Train one replica with the plain functions and torch's optimiser."""
    key = replica.key(KEY)
    data, _ = split(program.task, key)
    drawn = model.initial_parameters(program.network, program.task, key)
    params = {
        name: replica.initial_scale * value.to(program.dtype) for name, value in drawn.items()
    }
    sides = ("left", "right")
    free = [
        value.requires_grad_()
        for name, value in params.items()
        if not (program.network.freeze_sides and name.startswith(sides))
    ]
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    own = {"momentum": program.momentum} if program.optimiser == "sgd" else {"betas": program.betas}
    optimiser = kind[program.optimiser](
        free, lr=replica.learning_rate, weight_decay=replica.weight_decay, **own
    )
    losses = []
    for step in range(program.num_steps + 1):
        losses.append(LOSSES[program.loss](params, program.network, data).item())
        if step == program.num_steps:
            break
        batch = data
        if program.batch_size is not None:
            rows = BatchRows([key], len(data[0]), program.batch_size).at(step)[0]
            batch = data[0][rows], data[1][rows]
        optimiser.zero_grad()
        LOSSES[program.loss](params, program.network, batch).backward()
        optimiser.step()
    return losses, {name: value.detach() for name, value in params.items()}


VARIANTS = {
    "adam": PROGRAM,
    "adam without decay": PROGRAM,
    "adamw": replace(PROGRAM, optimiser="adamw", betas=(0.9, 0.98)),
    "sgd": replace(PROGRAM, optimiser="sgd"),
    "momentum": replace(PROGRAM, optimiser="sgd", momentum=0.9),
    "full batch": replace(PROGRAM, batch_size=None),
    "mse": replace(PROGRAM, loss="mse"),
    "tied": replace(PROGRAM, network=NetworkSettings(4, 6, True, True, activation="relu")),
    "frozen": replace(PROGRAM, network=NetworkSettings(4, 6, freeze_sides=True)),
    "quadratic": replace(PROGRAM, network=NetworkSettings(4, 6, activation="quadratic")),
    "random labels": replace(PROGRAM, task=replace(TASK, labels="random")),
}


@pytest.mark.parametrize(("name", "program"), VARIANTS.items(), ids=VARIANTS)
def test_replicas_end_where_serial_training_ends(name, program):
    plain = name.endswith("without decay")
    replicas = [replace(r, weight_decay=0.0) if plain else r for r in REPLICAS]
    steps = range(program.num_steps + 1)
    trained = train(program, replicas, KEY, steps, [program.num_steps])
    assert trained.records["test_loss"].attrs["units"] == ("1" if name == "mse" else "nat")
    for index, replica in enumerate(replicas):
        losses, params = serial(program, replica)
        np.testing.assert_allclose(trained.records["train_loss"][index], losses, rtol=1e-9)
        for parameter, value in trained.checkpoints.at(program.num_steps, index).items():
            torch.testing.assert_close(value, params[parameter], rtol=1e-8, atol=1e-10)


def test_a_replica_does_not_depend_on_its_neighbours():
    together = train(PROGRAM, REPLICAS, KEY, [0, 5, 12], [5, 12])
    assert_keeps(together.records, CURVES)
    for index, replica in enumerate(REPLICAS):
        alone = train(PROGRAM, [replica], KEY, [0, 5, 12], [5, 12])
        for step in (5, 12):
            for name, value in alone.checkpoints.at(step, 0).items():
                torch.testing.assert_close(together.checkpoints.at(step, index)[name], value)
        for name in ("train_loss", "test_loss", "test_accuracy", "train_margin", "weight_norm"):
            np.testing.assert_allclose(
                together.records[name][index], alone.records[name][0], rtol=1e-9
            )


def test_groups_have_no_effect(monkeypatch):
    whole = train(PROGRAM, REPLICAS, KEY, [12], [12])
    monkeypatch.setattr("stagewise.studies.modular.descent.AT_ONCE", 2 * 9 * 7)
    monkeypatch.setattr("stagewise.studies.modular.records.AT_ONCE", 1)
    cut = train(PROGRAM, REPLICAS, KEY, [12], [12])
    np.testing.assert_allclose(whole.records["train_loss"], cut.records["train_loss"], rtol=1e-9)
    for name, value in whole.checkpoints.params.items():
        torch.testing.assert_close(cut.checkpoints.params[name], value)
    assert AT_ONCE > 4 * 9 * 7  # else both were cut alike


def test_streams_are_named_by_name_and_seed_alone():
    keys = [replica.key(KEY) for replica in REPLICAS]
    pairs = all_pairs(PROGRAM, keys)
    assert torch.equal(pairs.left[1], pairs.left[2])
    for one, other in ((0, 1), (1, 3), (0, 3)):
        assert not torch.equal(pairs.left[one], pairs.left[other])
    rows = BatchRows(keys, 34, 9)
    late = rows.at(100)
    assert torch.equal(late[1], late[2])
    assert not torch.equal(late[0], late[1])
    assert not torch.equal(late[0], rows.at(99)[0])
    assert not torch.equal(late[0], rows.at(36)[0])  # the same place in another block
    assert torch.equal(BatchRows(keys[1:2], 34, 9).at(100)[0], late[1])
    for value in initial_parameters(PROGRAM, REPLICAS, keys).values():
        torch.testing.assert_close(value[2], 2 * value[1])
        assert not torch.equal(value[0], value[1])


def test_a_diverged_replica_is_marked_and_leaves_the_others_alone(caplog):
    network = replace(NETWORK, activation="quadratic", freeze_sides=True)
    program = Program(TASK, network, num_steps=60, batch_size=9, optimiser="sgd", loss="mse")
    wild = replace(REPLICAS[0], learning_rate=1e3)
    steps = range(0, 61, 5)
    mixed = train(program, [REPLICAS[1], wild, REPLICAS[3]], KEY, steps, [0, 60])
    assert "1 of 3 replicas diverged" in caplog.text
    marks = mixed.records["diverged_step"].values
    assert marks[0] == marks[2] == -1
    assert 0 < marks[1] < 60
    assert np.isfinite(mixed.records["train_loss"][1].sel(step=0))
    for name in ("train_loss", "test_accuracy", "weight_norm", "parameter_norm"):
        values = mixed.records[name]
        assert np.isnan(values[1].sel(step=values.step > marks[1])).all()
        assert np.isfinite(values[[0, 2]]).all()
    assert all(value.isnan().all() for value in mixed.checkpoints.at(60, 1).values())
    calm = train(program, [REPLICAS[1], REPLICAS[3]], KEY, steps, [60])
    for name, value in calm.checkpoints.params.items():
        torch.testing.assert_close(mixed.checkpoints.params[name][-1:, [0, 2]], value)
    cut = replace(program, num_steps=int(marks[1]))  # no batch is drawn at the last step
    last = train(cut, [wild], KEY, [cut.num_steps]).records
    assert last["diverged_step"].item() == marks[1]
    assert np.isnan(last["test_accuracy"]).all()


def test_all_replicas_may_diverge():
    program = Program(TASK, NETWORK, num_steps=30, batch_size=9, optimiser="sgd", loss="mse")
    wild = [replace(r, learning_rate=1e12) for r in REPLICAS]
    records = train(program, wild, KEY, [0, 30]).records
    assert (records["diverged_step"] > 0).all()
    assert np.isnan(records["test_loss"].sel(step=30)).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_what_is_recorded_is_what_it_says(loss, tmp_path):
    program = replace(PROGRAM, loss=loss)
    trained = train(program, REPLICAS, KEY, [0, 12], [12])
    last = trained.records.sel(step=12)
    for index, replica in enumerate(REPLICAS):
        params = trained.checkpoints.at(12, index)
        norms = {name: value.norm().item() for name, value in params.items()}
        assert last["parameter_norm"][index].values.tolist() == pytest.approx(list(norms.values()))
        assert last["parameter"].values.tolist() == list(norms)
        total = sum(norm**2 for norm in norms.values()) ** 0.5
        assert last["weight_norm"][index].item() == pytest.approx(total)
        for name, batch in zip(("train", "test"), split(TASK, replica.key(KEY)), strict=True):
            found = {
                key: last[f"{name}_{key}"][index].item()
                for key in ("loss", "accuracy", "margin", "log_partition")
            }
            outputs = model.logits(params, NETWORK, batch[0])
            correct = outputs[torch.arange(len(outputs)), batch[1]]
            assert found["loss"] == pytest.approx(LOSSES[loss](params, NETWORK, batch).item())
            assert found["accuracy"] == pytest.approx(model.accuracy(params, NETWORK, batch))
            assert found["margin"] == pytest.approx((correct - outputs.mean(1)).mean().item())
            entropy = F.cross_entropy(outputs, batch[1]).item()
            assert found["log_partition"] - found["margin"] == pytest.approx(entropy)
    assert trained.records["train_loss"].dims == ("replica", "step")
    assert trained.records["learning_rate"].values.tolist() == [r.learning_rate for r in REPLICAS]
    write_dataset(tmp_path / "records.nc", trained.records, {"identity": "x"})


def test_log_partition_is_log_p_while_logits_are_close():
    small = [replace(r, initial_scale=0.01) for r in REPLICAS]
    first = train(PROGRAM, small, KEY, [0]).records.sel(step=0)
    np.testing.assert_allclose(first["train_log_partition"], np.log(7), rtol=1e-6)


def test_a_network_that_says_nothing_is_mostly_wrong():
    zeros = {
        name: torch.zeros_like(value)[None]
        for name, value in model.initial_parameters(NETWORK, TASK, KEY).items()
    }
    values = measurements(PROGRAM, zeros, all_pairs(PROGRAM, [KEY]))
    assert values["train_accuracy"].item() < 0.5  # equal logits are not all the largest


def test_frozen_sides_do_not_move_and_the_rest_does():
    program = replace(PROGRAM, network=replace(NETWORK, freeze_sides=True))
    kept = train(program, REPLICAS, KEY, [12], [0, 12]).checkpoints.params
    moved = {name for name, value in kept.items() if not torch.equal(*value)}
    assert moved == {"embedding", "unembedding.weight"}


def test_small_networks_learn_to_add_and_only_memorise_a_random_table():
    program = Program(TaskSettings(17, 0.8), NetworkSettings(12, 48), 700, 64, optimiser="adamw")
    replicas = [Replica("add", seed, 0.01, 1.0) for seed in range(6)]
    table = replace(program, task=replace(program.task, labels="random"))
    added, memorised = (
        train(each, replicas, KEY, [700]).records.sel(step=700) for each in (program, table)
    )
    assert (added["train_accuracy"] > 0.9).all()
    assert (memorised["train_accuracy"] > 0.7).all()
    assert added["test_accuracy"].mean() > 0.5  # chance is 1/17
    assert (memorised["test_accuracy"] < 0.25).all()


def test_transformers_train_side_by_side_as_alone():
    network = TransformerSettings(embed_dim=8, num_heads=2, hidden_dim=12)
    program = replace(PROGRAM, network=network, optimiser="adamw", batch_size=None)
    replicas = [Replica("t", seed, 0.01, 1.0) for seed in range(3)]
    together = train(program, replicas, KEY, [0, 12], [0, 12])
    assert (together.records["train_loss"].diff("step") < -0.1).all()
    for index, replica in enumerate(replicas):
        data, _ = split(TASK, replica.key(KEY))
        for step in (0, 12):
            loss = transformer.cross_entropy(together.checkpoints.at(step, index), network, data)
            recorded = together.records["train_loss"].sel(step=step)[index].item()
            assert loss.item() == pytest.approx(recorded)
        alone = train(program, [replica], KEY, [12], [12])
        for name, value in alone.checkpoints.at(12, 0).items():
            torch.testing.assert_close(together.checkpoints.at(12, index)[name], value)


def test_a_modulus_that_is_not_prime_is_warned_about(caplog):
    short = replace(PROGRAM, num_steps=0)
    with caplog.at_level(logging.WARNING):
        train(short, REPLICAS, KEY, [0])
        assert not caplog.text
        train(replace(short, task=TaskSettings(9, 0.7)), REPLICAS, KEY, [0])
    assert "modulus 9 is not prime" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimiser": "lion"}, "optimiser must be one of adam, adamw, sgd, not 'lion'"),
        ({"loss": "hinge"}, "loss must be one of"),
        ({"precision": "half"}, "precision must be one of"),
        ({"batch_size": 0}, "batch_size must be null or an integer of at least 1, not 0"),
        ({"num_steps": -1}, "num_steps must be an integer of at least 0"),
        ({"momentum": 1.0}, "momentum must be a number of at least 0 and below 1"),
        ({"momentum": 0.5}, r"momentum \(0.5\) must be 0 with adam"),
    ],
)
def test_a_program_refuses_what_it_cannot_do(change, message):
    with pytest.raises(ValueError, match=message):
        replace(PROGRAM, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"weight_decay": -1.0}, "weight_decay must be a number of at least 0"),
        ({"initial_scale": 0.0}, "initial_scale must be a number above 0"),
    ],
)
def test_a_replica_refuses_what_it_cannot_do(change, message):
    with pytest.raises(ValueError, match=message):
        replace(REPLICAS[0], **change)


def test_steps_outside_the_run_and_no_replicas_are_refused():
    with pytest.raises(ValueError, match="record_steps has 13, outside 0 to 12"):
        train(PROGRAM, REPLICAS, KEY, [0, 13])
    with pytest.raises(ValueError, match="checkpoint_steps has -1"):
        train(PROGRAM, REPLICAS, KEY, [0], [-1])
    with pytest.raises(ValueError, match="replicas is empty"):
        train(PROGRAM, [], KEY, [0])


def test_a_train_fraction_beyond_its_range_is_refused():
    with pytest.raises(ValueError, match="train_fraction must be a number above 0 and below 1"):
        TaskSettings(7, 1.2)
    with pytest.raises(ValueError, match=r"train_fraction \(0.001\) of 49 pairs leaves"):
        TaskSettings(7, 0.001)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd"])
def test_an_interrupted_program_goes_on_bit_identically(tmp_path, monkeypatch, optimiser):
    program = replace(PROGRAM, optimiser=optimiser, momentum=0.9 if optimiser == "sgd" else 0.0)
    replicas = [*REPLICAS, replace(REPLICAS[0], learning_rate=1e29)]  # the last one diverges
    steps = [0, 2, 5, 9, 12]
    whole = train(program, replicas, KEY, steps, [0, 5, 12])
    advance = Descent.advance

    def interrupted(self, step):
        if step == 10:
            raise KilledError
        return advance(self, step)

    monkeypatch.setattr(Descent, "advance", interrupted)
    folder = tmp_path / "run.partial"
    with pytest.raises(KilledError):
        train(program, replicas, KEY, steps, [0, 5, 12], SegmentFiles(folder, "mine", 4))
    made = []

    def counted(self, step):
        made.append(step)
        return advance(self, step)

    monkeypatch.setattr(Descent, "advance", counted)
    for remaining in ([8, 9, 10, 11], []):  # a finished program is not run again
        made.clear()
        journal = SegmentFiles(folder, "mine", 4)
        resumed = train(program, replicas, KEY, steps, [0, 5, 12], journal)
        assert made == remaining
        xr.testing.assert_identical(resumed.records, whole.records)
        for name, value in whole.checkpoints.params.items():
            same = resumed.checkpoints.params[name]
            assert torch.equal(same.nan_to_num(7.0), value.nan_to_num(7.0))
