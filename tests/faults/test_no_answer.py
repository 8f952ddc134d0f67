"""Input on which an instrument cannot work: a reason stands where the result would, and is passed on."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from snakemake.utils import update_config

from stagewise.claims.layout import CLAIMS
from stagewise.claims.verdicts import NOT_TESTABLE
from stagewise.core.unanswered import UnansweredError
from stagewise.development.essential_dynamics import essential_dynamics
from stagewise.development.layout import ED, MILESTONES, STAGES
from stagewise.development.stages import find_stages
from stagewise.plots.unanswered import placard, require_shown, with_reasons
from stagewise.stores.files import open_store
from stagewise.stores.groups import read_groups
from stagewise.stores.inputs import read_inputs
from stagewise.stores.unanswered import write_unanswered
from stagewise.workflow.claims import evidence_of
from stagewise.workflow.config import completed
from stagewise.workflow.jobs import job
from stagewise.workflow.ledger import entries_of, read_ledger
from stagewise.workflow.outcome import Standing, after_a_failure, at_the_end
from stagewise.workflow.plan import Plan
from stagewise.workflow.studies import STUDIES

ROOT = Path(__file__).parents[2]
REASON = 'only 0 of 9, "finite" & < 5'


@pytest.fixture(scope="module")
def plan() -> Plan:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    return Plan(completed(config))


# Instruments


def blocks_of(outputs: np.ndarray):
    return lambda: iter([outputs])


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (np.ones((9, 4)), "spans only 0 dimensions"),
        (np.arange(9.0)[:, None] * np.ones(4), "spans only 1 dimensions"),
        (np.full((9, 4), np.nan), "non-finite outputs"),
        (np.full((9, 4), np.inf), "non-finite outputs"),
    ],
)
def test_essential_dynamics_of_a_constant_or_diverged_network(outputs, said):
    with np.errstate(invalid="ignore"), pytest.raises(UnansweredError, match=said):
        essential_dynamics(blocks_of(outputs), np.arange(9), 2)


@pytest.mark.parametrize("finite", [0, 3, 4])
def test_stages_of_too_few_estimates(finite):
    llc = np.where(np.arange(9) < finite, 1.0, np.nan)
    with pytest.raises(UnansweredError, match=f"only {finite} of 9 checkpoints have a finite LLC"):
        find_stages(np.arange(9), llc, np.ones(9))


# Stores


def read_h5(path: Path) -> None:
    with open_store(path, "an identity"):
        pass


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        ("nc", ED.read),
        ("nc", lambda path: read_groups(path, ED)),
        ("h5", read_h5),
        ("csv", STAGES.read),
    ],
)
def test_whoever_reads_it_meets_the_reason(tmp_path, ending, read):
    path = tmp_path / f"result.{ending}"
    write_unanswered(path, REASON)
    with pytest.raises(UnansweredError) as caught:
        read(path)
    assert str(caught.value) == REASON
    assert caught.value.told


# Jobs


@pytest.mark.parametrize("kind", [UnansweredError, FloatingPointError])
def test_a_job_without_an_answer_leaves_the_reason_in_every_output(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    folder = Path("results/smoke/regression/base-s0/llc/local")
    outputs = [folder / name for name in ("curve.nc", "milestones.csv", "stages.csv")]
    with job("log", outputs):
        raise kind("no\n estimate")
    with pytest.raises(UnansweredError, match=r"^base-s0/llc/local: no estimate$"):
        MILESTONES.read(outputs[1])
    # What is made of it repeats the reason, and its owner, once.
    with job("log", ["results/smoke/regression/base-s0/llc/agreement.csv"]):
        STAGES.read(outputs[2])
    assert "base-s0/llc/local: no estimate" in Path("log").read_text()
    with pytest.raises(UnansweredError, match=r"^base-s0/llc/local: no estimate$"):
        STAGES.read("results/smoke/regression/base-s0/llc/agreement.csv")


@pytest.mark.parametrize(
    ("error", "output"),
    [(UnansweredError("none"), "tokens.bin"), (ValueError("a fault of ours"), "curve.nc")],
)
def test_any_other_failure_stays_one(tmp_path, error, output):
    with pytest.raises(type(error)), job(tmp_path / "log", [tmp_path / output]):
        raise error
    assert not (tmp_path / output).exists()


# Figures


def described(several: bool) -> dict[str, Any]:
    keys = [["base-s0"], ["base-s1"]]
    return {"layout": "development.layout:MILESTONES", "keys": keys, "several": several}


def test_a_run_without_an_answer_is_left_out_of_all_inputs_and_named_below(tmp_path):
    paths = {
        "a": [f"{tmp_path}/a{n}.csv" for n in (0, 1)],
        "b": [f"{tmp_path}/b{n}.csv" for n in (0, 1)],
    }
    for name in (paths["a"][0], *paths["b"]):
        MILESTONES.write(name, MILESTONES.empty())
    write_unanswered(paths["a"][1], REASON)
    reading = {"a": described(several=True), "b": described(several=True)}
    inputs, left_out = read_inputs(paths, reading)
    assert {name: list(value) for name, value in inputs.items()} == {
        "a": ["base-s0"],
        "b": ["base-s0"],
    }
    assert left_out == {"base-s1": REASON}
    with pytest.raises(UnansweredError, match="only 0 of 9"):
        require_shown(left_out, {"run": "base-s1"})
    drawn = with_reasons(placard("something"), left_out)
    assert REASON in drawn.figure.get_supxlabel().replace("\n", " ")
    # A store of a fixed name, and runs of which none has an answer, leave nothing to draw.
    with pytest.raises(UnansweredError, match="only 0 of 9"):
        read_inputs(paths, {"a": described(several=False)})
    write_unanswered(paths["a"][0], REASON)
    for wanted in (reading, {"a": reading["a"]}):
        with pytest.raises(UnansweredError, match="only 0 of 9"):
            read_inputs(paths, wanted)
    none = {**reading["a"], "keys": []}
    assert read_inputs({"a": []}, {"a": none}) == ({"a": {}}, {})


def test_a_figure_without_an_answer_says_why(tmp_path):
    figure = importlib.import_module("scripts.figure")
    write_unanswered(tmp_path / "ed.nc", REASON)
    paths = {kind: tmp_path / f"figure.{kind}" for kind in ("png", "pdf", "csv")}
    figure.main(
        module="plots.planes",
        paths={"ed": [str(tmp_path / "ed.nc")]},
        reading={"ed": {"layout": "development.layout:ED", "several": False}},
        values={},
        path_to_png=str(paths["png"]),
        path_to_pdf=str(paths["pdf"]),
        path_to_data=str(paths["csv"]),
    )
    assert paths["png"].read_bytes()[:4] == b"\x89PNG"
    assert pd.read_csv(paths["csv"])["not_testable"].tolist() == [REASON]
    lines = at_the_end(Standing([]), [paths["csv"]], "figures", [])
    assert lines == []  # nothing was made
    standing = Standing([tmp_path / "report.html"])
    (tmp_path / "report.html").write_text("new")
    (tmp_path / "figures/drawn").mkdir(parents=True)
    folder = str(tmp_path / "figures")
    assert at_the_end(standing, [paths["csv"]], folder, ["drawn", "other"])[1:] == [
        f"Figures: {folder}/drawn/",
        f"Not testable: figure, {REASON}",
    ]


# Claims


@pytest.mark.parametrize("study", STUDIES)
def test_claims_on_stores_without_answers_are_not_testable_and_say_why(tmp_path, plan, study):
    asked = evidence_of(study, plan)

    def moved(path: str) -> str:
        write_unanswered(tmp_path / path, REASON)
        return str(tmp_path / path)

    stores = {
        name: moved(value) if isinstance(value, str) else list(map(moved, value))
        for name, value in asked.stores.items()
    }
    entries = entries_of(
        read_ledger(ROOT / "config/claims.yaml", ROOT / "config/claims_schema.yaml"), study
    )
    table = tmp_path / "claims.csv"
    importlib.import_module("scripts.claims").main(
        study=study,
        stores=stores,
        facts=asked.facts,
        entries=entries,
        preset="laptop",
        path_to_claims=str(table),
    )
    verdicts = CLAIMS.read(table).set_index("id")
    tested = [name for name, entry in entries.items() if "laptop" in entry["presets"]]
    assert set(verdicts["verdict"]) == {NOT_TESTABLE}
    silent = [name for name in tested if REASON not in verdicts.loc[name, "value"]]
    assert silent == []


# The end of a run


def test_old_claims_and_report_do_not_outlive_a_failure(tmp_path):
    old, new = tmp_path / "report.html", tmp_path / "claims.csv"
    old.write_text("old")
    standing = Standing([old, new])
    new.write_text("new")
    assert str(old) in after_a_failure(standing)[0]
    assert not old.exists()
    assert new.exists()
