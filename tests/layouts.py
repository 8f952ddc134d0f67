"""What a producer makes, held against the layout of its store."""

import pytest
import xarray as xr

from stagewise.stores.files import StoreError
from stagewise.stores.layout import StoreLayout


def assert_keeps(dataset: xr.Dataset, layout: StoreLayout) -> None:
    """Assert that a dataset has the layout's variables, described as it says, and needs each one."""
    assert layout.check(dataset) is dataset
    for name, variable in layout.variables.items():
        if name not in dataset:
            assert variable.optional, name
            continue
        assert dataset[name].attrs == {"units": variable.units, "long_name": variable.text}
        if not variable.optional:
            with pytest.raises(StoreError, match=f"lacks the variable '{name}'"):
                layout.check(dataset.drop_vars(name))
    for name, place in layout.coords.items():
        assert dataset[name].attrs == {"units": place.units, "long_name": place.text}
        assert dataset[name].dims == place.dims
