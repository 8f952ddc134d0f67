"""Runs of every study as subjects: read from disk, refused if foreign, sampled in any order."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from stagewise.core.replicas import ParameterLayout, Params
from stagewise.core.subject import Subject
from stagewise.llc import along
from stagewise.llc.along import audited, gathered, llc_shard, untrained_loss_of
from stagewise.llc.estimate import estimate_together, full_loss
from stagewise.llc.kept import EstimateFiles
from stagewise.llc.layout import AUDIT, LLC, LLC_SHARD
from stagewise.llc.settings import SGLDConfig
from stagewise.stores.checkpoints import write_checkpoints, write_programs
from stagewise.stores.data import CONTENT, identity_with
from stagewise.stores.files import StoreError
from stagewise.studies.language.study import LanguageRun
from stagewise.studies.modular.program import Setting, identity_of, study_key
from stagewise.studies.modular.stacked import initial_parameters
from stagewise.studies.regression.study import RegressionRun
from stagewise.studies.subjects import subject_of
from tests.stores import sealed

STUDIES = ("regression", "language", "modular")
STEPS = (0, 3, 10)
TRAINING = {
    "num_steps": 10,
    "batch_size": 4,
    "betas": [0.9, 0.999],
    "epsilon": 1e-8,
    "segment_steps": 5,
}
REGRESSION = {
    "task": {"dimension": 2, "num_examples": 3, "noise_variance": 0.5, "num_tasks": None},
    "network": {
        **{"num_layers": 1, "num_heads": 2, "embed_dim": 4, "mlp_dim": 4},
        "residual": "standard",
    },
    "training": {**TRAINING, "max_learning_rate": 1e-3, "warmup_fraction": 0.5},
    "trajectory": {"num_contexts": 5},
}
LANGUAGE = {
    **{"vocab_size": 24, "context_length": 12},
    "network": {
        **{"num_layers": 1, "num_heads": 2, "embed_dim": 4},
        **{"init_scale": 0.8, "position_scale": 0.8},
    },
    "training": {
        **{**TRAINING, "learning_rate": 0.02, "weight_decay": 0.1},
        **{"repeated_share": 0.5, "repeated_tokens": [2, 4]},
    },
}
MODULAR = {
    **{"modulus": 5, "train_fraction": 0.8, "labels": "sum", "architecture": "mlp"},
    "network": {"embed_dim": 4, "hidden_dim": 6},
    "transformer": {"embed_dim": 4, "num_heads": 2, "hidden_dim": 6},
    **{"optimiser": "adam", "momentum": 0.0, "betas": [0.9, 0.999], "loss": "cross_entropy"},
    **{"batch_size": 8, "num_steps": 10, "precision": "single"},
    **{"learning_rates": [0.01], "weight_decays": [0.0], "initial_scales": [1.0], "num_seeds": 3},
    "records": {"num_linear": 3, "num_logarithmic": 2},
    "checkpoints": {"num_linear": 3, "num_logarithmic": 2},
}
SAMPLER: dict[str, Any] = {
    **{"step_size": 0.1, "n_beta": None, "localization": 10.0, "num_chains": 2, "num_burnin": 1},
    **{"num_draws": 4, "batch_size": 4, "preconditioner": "hessian", "start": "gaussian"},
}


def moved(params: Params, step: int) -> dict[str, np.ndarray]:
    """Return parameters that differ from step to step."""
    return {name: (value * (1 - 0.02 * step)).numpy() for name, value in params.items()}


def arguments_of(study: str, folder: Path) -> dict[str, Any]:
    """Write what a subject of a study is read from, and return the arguments that name it."""
    paths = {"checkpoints": str(folder / "checkpoints.h5")}
    rest = {"paths": paths, "root_seed": 0, "device": "cpu"}
    if study == "modular":
        setting, key = Setting.of("late", MODULAR), study_key(0)
        steps = setting.record_steps, setting.checkpoint_steps
        identity = identity_of(setting.program, setting.replicas, key, *steps)
        params = initial_parameters(
            setting.program, setting.replicas, [replica.key(key) for replica in setting.replicas]
        )
        rows = [(step, moved(params, step)) for step in setting.checkpoint_steps.tolist()]
        write_programs(paths["checkpoints"], {"late": (identity, rows)}, {})
        return {"name": "late-s1", "settings": MODULAR, "measured": {}, **rest}
    measured: dict[str, Any] = {"loss": "all_positions", "num_samples": 20}
    if study == "language":
        run = LanguageRun.of("twolayers-s0", LANGUAGE, 0, "cpu")
        tokens = np.random.default_rng(0).integers(0, 24, 12 * 30, dtype=np.uint16)
        tokens.tofile(folder / "train.bin")
        sealed(folder / "train.bin")
        index = {"split": ("document", [0]), "num_tokens": ("document", [len(tokens)])}
        xr.Dataset(index, attrs={CONTENT: "text"}).to_netcdf(folder / "index.nc", engine="netcdf4")
        sealed(folder / "index.nc")
        paths |= {"rows": str(folder / "train.bin"), "index": str(folder / "index.nc")}
        settings, measured = LANGUAGE, {**measured, "source": "train"}
    else:
        run = RegressionRun.of("base-s0", REGRESSION, 0, "cpu")
        settings = REGRESSION
    rows = [(step, moved(run.initial(), step)) for step in STEPS]
    identity = identity_with("own", paths.get("index"))
    write_checkpoints(paths["checkpoints"], rows, identity, {}, {})
    return {"name": run.name, "settings": settings, "measured": measured, "identity": "own", **rest}


@pytest.fixture(scope="module", params=STUDIES)
def given(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp(request.param)
    return partial(subject_of, request.param), arguments_of(request.param, folder)


@pytest.fixture(scope="module")
def subject(given: Any) -> Subject:
    build, arguments = given
    return build(**arguments)


def test_a_subject_has_what_instruments_ask_for(subject):
    assert subject.steps[0] == 0
    assert subject.num_samples == len(subject.samples[0]) > 1
    params = [subject.params_at(step) for step in subject.steps]
    assert len({ParameterLayout.of(one) for one in params}) == 1
    assert subject.num_parameters == sum(value.numel() for value in params[0].values())
    assert all(
        not torch.equal(one[name], params[0][name])
        for one in params[1:]
        for name in one
        if params[0][name].any()
    )
    untrained = full_loss(subject.loss_fn, params[0], subject.samples)
    assert untrained_loss_of(subject) == untrained
    assert subject.constant_loss > 0
    if subject.function_vector is not None:
        vectors = [subject.function_vector(one) for one in params]
        assert np.ptp(vectors, axis=0).any()


def test_checkpoints_of_another_run_are_refused(given):
    build, arguments = given
    settings = {**arguments["settings"], "num_steps": 20}
    other = {**arguments, "settings": settings, "identity": "other"}
    with pytest.raises(StoreError, match="belongs to run identity"):
        build(**other).params_at(0)


@pytest.mark.parametrize("noise", ["shared", "fresh"])
def test_shards_and_their_order_do_not_change_a_bit(subject, noise):
    config = SGLDConfig(**SAMPLER)
    whole = llc_shard(subject, subject.steps, config, noise=noise)
    apart = [llc_shard(subject, [step], config, noise=noise) for step in subject.steps[::-1]]
    for shard in (whole, *apart):
        LLC_SHARD.check(shard)
    one, other = gathered([whole], subject.steps), gathered(apart, subject.steps)
    xr.testing.assert_identical(one, other)
    LLC.check(one)
    with pytest.raises(StoreError, match="do not hold the steps asked for"):
        gathered(apart[1:], subject.steps)
    with pytest.raises(StoreError, match="two of one step"):
        gathered([*apart, apart[0]], subject.steps)
    assert one.attrs["run"] == subject.name
    assert one.attrs["n_beta"] == subject.num_samples / np.log(subject.num_samples)
    assert one.attrs["num_samples"] == subject.num_samples
    assert float(one.constant_loss) == subject.constant_loss
    assert float(one.untrained_loss) == float(one.init_loss[0])
    assert not {"verdict", "reason", "failure"} & set(one.attrs)
    table = AUDIT.check(audited(one, subject, subject.steps[2:0:-1], config, noise=noise))
    assert table["identical"].all()
    other_draws = one.assign(loss=one.loss + 1e-3)
    assert not audited(other_draws, subject, [0], config, noise=noise)["identical"].any()


def kept_beside(shard, steps, code="1", contents=None):
    subject = {"settings": {"contents": contents or {}}, "identity": "x"}
    return EstimateFiles.beside(shard, steps, subject, code=code)


def test_a_shard_goes_on_with_the_estimates_that_it_lacks(tmp_path, monkeypatch):
    params = {step: {"w": torch.linspace(-1, 1, 6) + step} for step in range(4)}
    subject = Subject.of_checkpoints(
        "parabola", params, lambda p, b: (b[0] @ p["w"]).square().mean(), (torch.eye(6),)
    )
    config, made = SGLDConfig(**SAMPLER), []

    def estimate(cases, *arguments):
        made.extend(round(1 + float(case.params["w"][0])) for case in cases)
        return estimate_together(cases, *arguments)

    monkeypatch.setattr(along, "estimate_together", estimate)
    shard = tmp_path / "shard-0000.nc"

    def bytes_with(**keeping):
        made.clear()
        kept = kept_beside(shard, (0, 1, 2, 3), **keeping) if keeping else None
        LLC_SHARD.write(
            shard, llc_shard(subject, (0, 1, 2, 3), config, kept=kept), {"setting": "x"}
        )
        return shard.read_bytes()

    plain = bytes_with()
    llc_shard(subject, (0, 1), config, kept=kept_beside(shard, (0, 1)))
    assert bytes_with(code="1") == plain
    assert made == [2, 3]
    assert bytes_with(code="1") == plain
    assert made == []
    (tmp_path / ".estimates/2.nc").write_bytes(b"damaged")
    assert bytes_with(code="1") == plain
    assert made == [2]
    assert bytes_with(code="1", contents={3: "another file"}) == plain
    assert made == [3]
    assert bytes_with(code="2") == plain
    assert made == [0, 1, 2, 3]


def test_fresh_noise_differs_from_step_to_step_and_shared_noise_does_not():
    params = {"w": torch.linspace(-1, 1, 6)}
    same = Subject.of_checkpoints(
        "same",
        {0: params, 5: params},
        lambda p, b: (b[0] @ p["w"]).square().mean(),
        (torch.eye(6),),
    )
    config = SGLDConfig(**SAMPLER)
    shared, fresh = (llc_shard(same, (0, 5), config, noise=n)["loss"] for n in ("shared", "fresh"))
    assert np.array_equal(shared[0], shared[1])
    assert not np.array_equal(fresh[0], fresh[1])
