"""Comparing two results folders: what moved is named, and equal ones are equal."""

import pandas as pd
import pytest
import xarray as xr

from benchmarks.compare import claims, figures, stores

CLAIM = {"id": "R1", "verdict": "mixed", "value": "0.5", "uncertainty": "0.1", "seeds": "0, 1"}


@pytest.fixture
def folders(tmp_path):
    """Return two equal results folders, the figure of the second under another name."""
    for name, figure in (("before", "s5"), ("after", "s05_tail")):
        folder = tmp_path / name
        (folder / "figures/scurves").mkdir(parents=True)
        pd.DataFrame([CLAIM]).to_csv(folder / "claims.csv", index=False)
        table = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
        table.to_csv(folder / f"figures/scurves/{figure}.csv", index=False)
        xr.Dataset({"a": ("x", [1.0, float("nan")])}).to_netcdf(folder / "a.nc")
    return tmp_path / "before", tmp_path / "after"


NAMES = {"s5": "s05_tail"}


def test_equal_folders(folders):
    assert [*claims(*folders), *figures(*folders, NAMES), *stores(*folders)] == []


def test_a_name_that_is_not_matched(folders):
    assert list(figures(*folders, {})) == ["figure s5: only before", "figure s05_tail: only after"]


def test_what_moved_is_named(folders):
    after = folders[1]
    pd.DataFrame([CLAIM | {"verdict": "refuted"}]).to_csv(after / "claims.csv", index=False)
    moved = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.5]})
    moved.to_csv(after / "figures/scurves/s05_tail.csv", index=False)
    xr.Dataset({"a": ("x", [1.0, 0.0])}).to_netcdf(after / "a.nc")
    assert list(claims(*folders)) == ["claim R1, verdict: 'mixed' before, 'refuted' after"]
    assert list(figures(*folders, NAMES)) == ["figure s5: y in 1 of 2 rows, by at most 0.5 of 4"]
    assert list(stores(*folders)) == ["store a.nc: //a"]
