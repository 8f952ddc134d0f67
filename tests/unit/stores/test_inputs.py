"""Stores and tables are read by their layout, into mappings, and a wrong one is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from stagewise.development.layout import MILESTONES, STAGES
from stagewise.stores.files import StoreError
from stagewise.stores.groups import write_groups
from stagewise.stores.inputs import read_input
from stagewise.stores.layout import StoreLayout, Variable

LINES = StoreLayout("lines", {"y": Variable(("x",), "1", "height")})
HERE = "stores.test_inputs_layout:LINES"


@pytest.fixture(autouse=True)
def layout(monkeypatch):
    """Let the layout above be found where layouts are looked for."""
    module = type("module", (), {"LINES": LINES})
    monkeypatch.setitem(__import__("sys").modules, "stagewise.stores.test_inputs_layout", module)


def lines(height: float):
    return LINES.dataset({"y": np.full(3, height)})


def test_one_path_is_one_store_and_several_are_mappings(tmp_path):
    paths = []
    for name, height in (("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0)):
        paths.append(str(tmp_path / f"{name}.nc"))
        LINES.write(paths[-1], lines(height), {})
    assert read_input(paths[:1], HERE)["y"][0] == 1
    assert read_input([], HERE, keys=[]) == {}
    nested = read_input(paths, HERE, keys=[("one", "x"), ("one", "y"), ("two", "x"), ("two", "y")])
    assert {run: list(found) for run, found in nested.items()} == {
        "one": ["x", "y"],
        "two": ["x", "y"],
    }
    assert nested["two"]["x"]["y"][0] == 3
    with pytest.raises(ValueError, match="shorter"):
        read_input(paths, HERE, keys=[("one",)])


def test_groups_of_several_stores_are_one_mapping(tmp_path):
    one, two = str(tmp_path / "one.nc"), str(tmp_path / "two.nc")
    write_groups(one, {"a": lines(1), "b": lines(2)}, {}, LINES)
    write_groups(two, {"c": lines(3)}, {}, LINES)
    found = read_input([one, two], HERE, groups=True)
    assert {name: float(data["y"][0]) for name, data in found.items()} == {"a": 1, "b": 2, "c": 3}
    with pytest.raises(StoreError, match="the group 'a', as another store has"):
        read_input([one, one], HERE, groups=True)


def test_what_belongs_to_another_figure_is_refused(tmp_path):
    path = str(tmp_path / "stages.csv")
    values = {"run": "r", "setting": "s", "stage": 1, "start": 0.0, "end": 9.0, "type": "A"}
    values |= {"sound": True, "num_sound": 8, "num_estimates": 9}
    table = pd.DataFrame([{name: values.get(name, 1.0) for name in STAGES.columns}])
    STAGES.write(path, table)
    assert len(read_input([path], "development.layout:STAGES")) == 1
    assert MILESTONES.name == "milestones"
    with pytest.raises(StoreError, match="milestones table breaks its layout"):
        read_input([path], "development.layout:MILESTONES")
    store = str(tmp_path / "lines.nc")
    LINES.write(store, lines(1), {})
    with pytest.raises(StoreError, match="lacks the variable"):
        read_input([store], "development.layout:ED")
