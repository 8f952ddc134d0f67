"""What a result depends on is in its identity: settings, streams, code, and what the data hold."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from stagewise.stores.checkpoints import checkpoint_index, read_checkpoint
from stagewise.stores.data import CONTENT, identity_with
from stagewise.stores.files import StoreError, write_netcdf
from stagewise.stores.journal import SegmentFiles
from stagewise.studies.language.documents import Document
from stagewise.studies.language.streams import write_tokens
from stagewise.studies.language.tokenizer import Vocabulary, build_tokenizer
from stagewise.workflow import runs
from tests.stores import sealed
from tests.unit.studies.test_subjects import LANGUAGE, MODULAR

SETTINGS = {
    **LANGUAGE,
    "checkpoints": {"num_linear": 3, "num_logarithmic": 0},
    "trajectory": {"num_contexts": 5, "num_steps": 3, "precision": "float32"},
}


def text_of(folder: Path, seed: int) -> dict[str, str]:
    """Write two splits of random tokens and their index, as long whatever the seed."""
    folder.mkdir()
    tokens = np.random.default_rng(seed).integers(0, 24, (2, 12 * 30), dtype=np.uint16)
    paths = {"index": str(folder / "index.nc")}
    for split, stream in zip(("train", "validation"), tokens, strict=True):
        paths[split] = str(folder / f"{split}.bin")
        stream.tofile(paths[split])
        sealed(Path(paths[split]))
    index = {"split": ("document", [0, 1]), "num_tokens": ("document", [12 * 30] * 2)}
    write_netcdf(paths["index"], xr.Dataset(index, attrs={CONTENT: f"text {seed}"}))
    return paths


def train(folder: Path, data: dict[str, str], **changed: Any) -> Path:
    given: dict[str, Any] = {"identity": "settings and code", **changed}
    importlib.import_module("scripts.train").main(
        paths_to_data=data,
        path_to_checkpoints=str(folder / "checkpoints.h5"),
        path_to_trajectory=str(folder / "trajectory.h5"),
        study="language",
        name="twolayers-s0",
        seed=0,
        settings=SETTINGS,
        segment_steps=4,
        root_seed=0,
        device="cpu",
        **given,
    )
    return folder / "checkpoints.h5"


class Killed(BaseException):
    """Ends a run as a kill does."""


def killed_after_one_segment(monkeypatch, run) -> None:
    save, count = SegmentFiles.save, []

    def once(self, *arguments):
        if count:
            raise Killed
        save(self, *arguments)
        count.append(1)

    with monkeypatch.context() as patch:
        patch.setattr(SegmentFiles, "save", once)
        with pytest.raises(Killed):
            run()
    assert count


@pytest.mark.parametrize("change", ["nothing", "text", "code"])
def test_a_killed_training_goes_on_only_with_the_same_text_and_code(
    tmp_path, monkeypatch, caplog, change
):
    caplog.set_level("INFO")
    data = text_of(tmp_path / "text", 0)
    killed_after_one_segment(monkeypatch, lambda: train(tmp_path / "run", data))
    changed = {"identity": "settings and other code"} if change == "code" else {}
    if change == "text":
        other = text_of(tmp_path / "other", 1)
        for path in Path(other["index"]).parent.iterdir():
            path.replace(tmp_path / "text" / path.name)
    path = train(tmp_path / "run", data, **changed)
    assert ("continuing from step" in caplog.text) == (change == "nothing")
    assert ("made again" in caplog.text) == (change != "nothing")
    undisturbed = train(tmp_path / "whole", data, **changed)
    identity = identity_with(changed.get("identity", "settings and code"), data["index"])
    for step in checkpoint_index(path):
        one, other = (read_checkpoint(p, step, identity) for p in (path, undisturbed))
        assert all(np.array_equal(one[name], other[name]) for name in one)


def test_checkpoints_of_another_text_are_refused(tmp_path):
    path = train(tmp_path / "run", text_of(tmp_path / "text", 0))
    other = identity_with("settings", text_of(tmp_path / "other", 1)["index"])
    with pytest.raises(StoreError, match="belongs to run identity"):
        read_checkpoint(path, 0, other)


def test_an_index_that_does_not_say_what_the_data_hold_is_refused(tmp_path):
    write_netcdf(tmp_path / "index.nc", xr.Dataset())
    with pytest.raises(StoreError, match="does not say what its data hold: delete it"):
        identity_with("settings", tmp_path / "index.nc")
    assert identity_with("settings", None) == "settings"


def test_the_content_of_tokens_is_that_of_texts_and_splits(tmp_path):
    tokenizer = build_tokenizer(Vocabulary((*"abcdefghijklmnopqrstuvwxyz", "<|endoftext|>"), ()))
    places = {name: tmp_path / name for name in ("train", "validation", "sampling")}

    def content(texts: str, split: list[int]) -> str:
        documents = [Document(text, "s", "l") for text in texts.split()]
        return write_tokens(documents, np.array(split, dtype=np.int8), tokenizer, places).attrs[
            CONTENT
        ]

    cases = [
        ("ab cd", [0, 1]),
        ("ab ce", [0, 1]),
        ("ab cd", [1, 0]),
        ("abc d", [0, 1]),
        ("cd ab", [0, 1]),
    ]
    assert len({content(*case) for case in cases}) == len(cases)
    assert content(*cases[0]) == content(*cases[0])


def test_the_code_that_trains_is_in_the_identity_of_a_run(monkeypatch):
    run = runs.Run("base-s0", "regression", "base", 0, {"training": {"num_steps": 1}}, ())
    before = runs.run_identity(run, 0)
    monkeypatch.setattr(
        runs, "_training_code", lambda study: {"lib/stagewise/core/updates.py": "edited"}
    )
    assert runs.run_identity(run, 0) != before


def test_a_killed_modular_experiment_begins_again_with_other_code(tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")

    def run(code: str, folder: str = "run") -> Path:
        path = tmp_path / folder / "checkpoints.h5"
        importlib.import_module("scripts.modular_run").main(
            path_to_curves=str(path.with_name("curves.nc")),
            path_to_checkpoints=str(path),
            experiment="stages",
            settings={"late": MODULAR},
            segment_steps=4,
            root_seed=0,
            code={"lib/stagewise/core/updates.py": code},
        )
        return path

    killed_after_one_segment(monkeypatch, lambda: run("old"))
    run("new")
    assert "continuing from step" not in caplog.text
    assert "made again" in caplog.text
    killed_after_one_segment(monkeypatch, lambda: run("old", "other"))
    run("old", "other")
    assert "continuing from step" in caplog.text
