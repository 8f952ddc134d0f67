"""Checkpoints of one's own: what is read off folder and factory, and what is said of each mistake."""

from __future__ import annotations

import copy
import importlib.util
import logging
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from torch import nn

from stagewise.studies.own.along import measure, one_sentence
from stagewise.studies.own.factory import call_factory, factory_file
from stagewise.studies.own.folder import OwnError, checkpoint_files, step_of
from stagewise.studies.own.subject import subject
from stagewise.workflow.config import ConfigError, checked, completed, merge
from stagewise.workflow.figures import FigurePlan
from stagewise.workflow.plan import Plan
from stagewise.workflow.subjects import (
    form_settings,
    llc_shards,
    own_identity,
    subject_settings,
    trajectory_identity,
)

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())
STEPS = (0, 10, 30, 60, 100, 200)
FACTORY = """
import torch
from torch import nn
from stagewise import subject_of_modules


def make():
    return nn.Linear(3, 1)


def subject(checkpoints, device):
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    return subject_of_modules(make, checkpoints, nn.MSELoss(), (inputs, inputs.sum(1, keepdim=True)))


def nothing(checkpoints, device):
    return None


def fails(checkpoints, device):
    return checkpoints["no such step"]
"""
SAMPLER = {
    **{"step_size": 1e-3, "n_beta": None, "localization": 1.0, "num_chains": 2},
    **{"num_burnin": 2, "num_draws": 4, "batch_size": 8},
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return a folder of somebody's: a factory, and checkpoints of a linear map that grows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "net.py").write_text(FACTORY)
    (tmp_path / "broken.py").write_text("def subject(:")
    (tmp_path / "states").mkdir()
    for step in STEPS:
        weight = torch.full((1, 3), step / 200)
        torch.save({"weight": weight, "bias": torch.zeros(1)}, tmp_path / f"states/step-{step}.pt")
    return tmp_path


def config(**changes) -> dict:
    own = {
        "factory": "net.py:subject",
        "runs": {"net": "states"},
        "llc": {"shard_size": 2, "settings": {"local": SAMPLER}},
    }
    return merge(CONFIG, {"preset": "mine", "own": merge(own, changes)})


def plan(**changes) -> Plan:
    return Plan(checked(config(**changes)))


def built(settings: dict):
    return subject("net", settings, {}, {}, root_seed=0, device="cpu", identity=None)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        *(("step-1000.pt", 1000), ("epoch3_step1000.pt", 1000), ("model_00200.npz", 200)),
        *(("checkpoint-500/model.safetensors", 500), ("STEPS=7.pth", 7)),
    ],
)
def test_the_step_is_in_the_name(name, step):
    assert step_of(Path("runs/model", name)) == step


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("run/last.pt", "run/last.pt has no step in its name; rename it like step-1000.pt"),
        ("run/epoch3-loss0.5.pt", "has the numbers 3, 0, 5 in its name, any of which may be"),
    ],
)
def test_a_name_without_a_clear_step_is_named(name, message):
    with pytest.raises(OwnError, match=message):
        step_of(Path(name))


def test_files_of_a_folder_in_the_order_of_time(folder):
    assert list(checkpoint_files("states")) == list(STEPS)
    (folder / "states/notes.txt").write_text("no checkpoint")
    assert len(checkpoint_files("states")) == len(STEPS)
    (folder / "states/step_10.npz").write_text("another one")
    with pytest.raises(OwnError, match=r"step-10.pt and states/step_10.npz are both of step 10"):
        checkpoint_files("states")
    assert len(checkpoint_files("states", "*.pt")) == len(STEPS)


def test_a_section_is_completed_by_defaults_and_absent_without_it(folder):
    whole = checked(config())["own"]
    assert whole["llc"]["num_checkpoints"] == 33
    assert whole["llc"]["settings"]["local"]["noise"] == "shared"
    assert whole["stages"]["num_draws"] == 200
    assert whole["forms"]["num_surrogates"] == 99
    assert "own" not in completed(CONFIG)
    assert not Plan(completed(CONFIG)).runs_of("own")


def test_a_run_has_shards_figures_and_forms_like_any_other(folder):
    mine = plan()
    run = mine.runs["own", "net"]
    assert llc_shards(run, mine) == [[0, 200], [30, 10], [60, 100]]
    names = [figure.name for figure in FigurePlan(mine) if figure.study == "own"]
    assert names == [
        *("loss_and_llc_net", "planes_net", "forms_in_time_net", "slopes_net_local", "traces_net")
    ]
    assert mine.asked_for("llc")[-1].name == "net"
    assert form_settings(run, mine)["sigma_end"] == pytest.approx(0.024 * len(STEPS))
    assert (
        form_settings(mine.runs["regression", "base-s0"], mine)
        == mine.config["regression"]["forms"]
    )


def test_a_changed_checkpoint_concerns_its_shard_and_what_is_read_off_all(folder):
    mine = plan()
    run = mine.runs["own", "net"]

    def asked() -> list:
        shards = [subject_settings(run, "local", mine, shard) for shard in llc_shards(run, mine)]
        return [*shards, own_identity(run, mine)]

    before = asked()
    torch.save({"weight": torch.ones(1, 3), "bias": torch.ones(1)}, folder / "states/step-30.pt")
    after = asked()
    assert [old == new for old, new in zip(before, after, strict=True)] == [
        True,
        False,
        True,
        False,
    ]
    source = (folder / "net.py").read_text()
    (folder / "net.py").write_text(f"# a comment\n{source}")
    assert asked() == after
    (folder / "net.py").write_text(source.replace("40", "41"))
    assert all(old != new for old, new in zip(after, asked(), strict=True))
    assert trajectory_identity(run, mine) == own_identity(run, mine)


def test_inputs_that_the_factory_reads_count(folder):
    (folder / "data.csv").write_text("1")
    mine = plan(inputs=["data.csv"])
    before = own_identity(mine.runs["own", "net"], mine)
    (folder / "data.csv").write_text("22")
    assert own_identity(mine.runs["own", "net"], mine) != before


def test_loss_norm_and_outputs_along_training(folder):
    mine = plan()
    found = built(subject_settings(mine.runs["own", "net"], "local", mine)["settings"])
    assert found.name == "net"
    metrics = measure(found, "trajectory.h5", {"run": "net", "identity": "x"})
    inputs = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    shares = np.array(STEPS) / 200
    expected = (1 - shares) ** 2 * inputs.sum(1).square().mean().item()
    np.testing.assert_allclose(metrics["test_loss"], expected, rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(metrics["weight_norm"], 3**0.5 * shares, rtol=1e-6)
    with h5py.File("trajectory.h5") as store:
        assert store["step"][:].tolist() == list(STEPS)
        np.testing.assert_allclose(store["outputs"][3], 0.3 * inputs.sum(1), rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factory": "nett.py:subject"}, "the file nett.py does not exist"),
        (
            {"factory": "no_such_package.module:subject"},
            "there is no module no_such_package.module",
        ),
        ({"factory": "broken.py:subject"}, "broken.py, line 1, is not valid Python"),
        ({"inputs": ["data.csv"]}, r"'own.inputs' is \['data.csv'\]: data.csv cannot be read"),
        ({"runs": {"net": "nowhere"}}, "'own.runs.net' is 'nowhere': the folder nowhere does not"),
        ({"files": "*.npz"}, r"states has no file \*.npz that ends in"),
        (
            {"files": "step-[03]*.pt"},
            "states has 2 checkpoints, too few for stages; give at least 5",
        ),
        ({"factory": "net.py"}, "'own.factory' is \"net.py\"; it must be text that matches"),
        (
            {"llc": {"num_checkpoints": 3}},
            "'own.llc.num_checkpoints' is 3; it must be an integer of at least 5",
        ),
        ({"llc": {"shards": 3}}, "unknown key 'own.llc.shards'; did you mean 'shard_size'"),
        (
            {"llc": {"settings": {"local": {"seeds": [1]}}}},
            "unknown key 'own.llc.settings.local.seeds'",
        ),
    ],
)
def test_a_mistake_in_the_section_is_one_sentence(folder, changes, message):
    with pytest.raises(ConfigError, match=message):
        _ = plan(**changes).runs


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("subjekt", "net.py has no function 'subjekt'; did you mean 'subject'"),
        ("nothing", "net.py:nothing returned NoneType; it must return a stagewise.Subject"),
        ("fails", r"net.py:fails failed: KeyError in line 21 \('no such step'\); correct it"),
    ],
)
def test_a_factory_that_cannot_be_used_is_named(folder, name, message):
    with pytest.raises(OwnError, match=message):
        call_factory(f"net.py:{name}", checkpoint_files("states"), "cpu")


def test_a_factory_that_cannot_be_imported_is_named_with_its_line(folder):
    (folder / "net.py").write_text("import torch\nimport no_such_module\n")
    with pytest.raises(OwnError, match=r"net.py cannot be imported: ModuleNotFoundError in line 2"):
        call_factory("net.py:subject", {}, "cpu")
    (folder / "net.py").write_text("def subject(:\n")
    with pytest.raises(OwnError, match=r"cannot be imported: SyntaxError in line 1"):
        call_factory("net.py:subject", {}, "cpu")


def test_a_module_of_a_package_is_found_without_importing_it(folder):
    (folder / "mine").mkdir()
    (folder / "mine/__init__.py").write_text("raise RuntimeError")
    (folder / "mine/net.py").write_text(FACTORY)
    assert factory_file("mine.net:subject") == folder / "mine/net.py"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"weight": torch.zeros(1, 3)},
            r"step 30: .*states/step-30.pt, does not fit.*lacks \['bias'\]",
        ),
        (
            {"weight": torch.zeros(1, 4), "bias": torch.zeros(1)},
            r"weight has shape \(1, 4\), the module's has \(1, 3\)",
        ),
        (
            {"weight": torch.full((1, 3), torch.nan), "bias": torch.zeros(1)},
            "step 30: the loss on the subject's samples is nan",
        ),
        ("no state", "step 30: states/step-30.pt holds no tensors by name"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_named(folder, state, message):
    torch.save(state, folder / "states/step-30.pt")
    found = built(subject_settings(plan().runs["own", "net"], "local", plan())["settings"])
    with pytest.raises(OwnError, match=message):
        measure(found, "trajectory.h5", {})
    assert not Path("trajectory.h5").exists()


def test_a_users_mistake_ends_a_job_without_a_traceback(caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(SystemExit) as stop, one_sentence():
        raise OwnError("states/step-30.pt does not fit")
    assert stop.value.code == 1
    assert caplog.messages == ["states/step-30.pt does not fit"]
    assert not any(record.exc_info for record in caplog.records)


def test_the_example_is_the_network_of_the_study():
    from stagewise.core.replicas import ParameterLayout
    from stagewise.core.seeding import StreamKey
    from stagewise.studies.regression.model import initial_parameters, predictions
    from stagewise.studies.regression.settings import NetworkSettings, TaskSettings

    path = ROOT / "docs/examples/regression_transformer.py"
    spec = importlib.util.spec_from_file_location("regression_transformer", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    network, task = NetworkSettings(2, 4, 64, 64, "doubled"), TaskSettings(4, 8, 0.125)
    params = initial_parameters(network, task, StreamKey(0))
    module = example.RegressionTransformer()
    vector = ParameterLayout.of(params).flatten(params)
    nn.utils.vector_to_parameters(vector, module.parameters())
    inputs, labels = example.contexts(5)
    torch.testing.assert_close(module(inputs, labels), predictions(params, network, inputs, labels))
    assert copy.deepcopy(module).state_dict().keys() == params.keys()
