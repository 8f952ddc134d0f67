"""A layout describes what is built with it and refuses what does not keep it."""

import pytest
import xarray as xr

from stagewise.stores.files import StoreError
from stagewise.stores.layout import StoreLayout, Variable, along, with_errors

LAYOUT = StoreLayout(
    "trial",
    {
        "height": Variable(("step",), "m", "height above the floor"),
        "mass": Variable((), "kg", "mass"),
        "colour": Variable(("step",), "1", "colour", optional=True),
    },
    {"step": Variable(("step",), "step", "training step")},
)


def test_what_is_built_is_described_in_the_order_given():
    built = LAYOUT.dataset(
        {"mass": 2.0, "height": [1.0, 3.0]},
        {"step": [0, 5], "name": ("step", ["a", "b"])},
        {"run": "x"},
    )
    assert LAYOUT.check(built) is built
    assert list(built.data_vars) == ["mass", "height"]
    assert built["height"].dims == ("step",)
    assert built["height"].attrs == {"units": "m", "long_name": "height above the floor"}
    assert built["mass"].attrs == {"units": "kg", "long_name": "mass"}
    assert built["step"].attrs == {"units": "step", "long_name": "training step"}
    assert built["name"].attrs == {}
    assert built.attrs == {"run": "x"}


def test_a_name_that_the_layout_lacks_is_refused():
    with pytest.raises(KeyError, match="heigth"):
        LAYOUT.dataset({"heigth": [1.0]})


def test_what_is_missing_or_lies_otherwise_is_named():
    whole = LAYOUT.dataset({"height": [1.0], "mass": 2.0, "colour": [3]}, {"step": [0]})
    assert "colour" in LAYOUT.check(whole)
    assert "colour" not in LAYOUT.check(whole.drop_vars("colour"))
    with pytest.raises(StoreError, match="the trial store lacks the variable 'mass'"):
        LAYOUT.check(whole.drop_vars("mass"))
    for name in ("height", "colour"):
        wrong = whole.assign({name: ("time", [1.0])})
        with pytest.raises(StoreError, match=r"has dimensions \('time',\), expected \('step',\)"):
            LAYOUT.check(wrong)
    with pytest.raises(StoreError, match="has the variable 'colours', which its layout lacks"):
        LAYOUT.check(whole.assign(colours=1.0))


def test_errors_follow_their_variable():
    found = with_errors(
        {"a": Variable(("step",), "m", "height"), "b": Variable((), "1", "share")},
        {"_stderr": "standard error of", "_range": "range of"},
    )
    assert list(found) == ["a", "a_stderr", "a_range", "b", "b_stderr", "b_range"]
    assert found["a_range"] == Variable(("step",), "m", "range of: height")
    assert isinstance(found["b"].of(1.0), xr.Variable)


def test_what_xarray_computed_is_described():
    computed = xr.Dataset({"height": ("step", [1.0], {"old": 1}), "mass": 2.0})
    found = LAYOUT.describe(computed)
    assert found["height"].attrs == {"units": "m", "long_name": "height above the floor"}
    assert computed["height"].attrs == {"old": 1}
    with pytest.raises(KeyError, match="colours"):
        LAYOUT.describe(xr.Dataset({"colours": 1.0}))


def test_what_is_joined_has_one_more_dimension():
    joined = along(("run", "case"), LAYOUT.variables)
    assert joined["height"].dims == ("run", "case", "step")
    assert joined["mass"] == Variable(("run", "case"), "kg", "mass")
    assert joined["colour"].optional
