"""The layout of a store: which variables it has, along which dimensions, in which units.

A layout stands in the light module ``layout.py`` of the study or instrument that makes the store, and
producer and readers import it from there: a new store concerns nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr

from stagewise.stores.files import Attributes, StoreError, read_dataset, write_dataset


@dataclass(frozen=True)
class Variable:
    """A variable of a store.

    Parameters
    ----------
    dims : tuple of str
        In order; none for a single number.
    units : str
        "1" for a pure number.
    text : str
        What it is, in a few words: its ``long_name``.
    optional : bool
        Whether there are stores without it.
    """

    dims: tuple[str, ...]
    units: str
    text: str
    optional: bool = False

    @property
    def description(self) -> dict[str, str]:
        """The attributes that every variable of a store has."""
        return {"units": self.units, "long_name": self.text}

    def of(self, values: Any) -> xr.Variable:
        """Return values as this variable, described."""
        return xr.Variable(self.dims, values, self.description)


def along(dims: tuple[str, ...], variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """Return variables of one thing as those of many, joined along `dims`."""
    return {name: replace(item, dims=(*dims, *item.dims)) for name, item in variables.items()}


def with_errors(
    variables: Mapping[str, Variable], errors: Mapping[str, str]
) -> dict[str, Variable]:
    """Return variables, each followed by its errors.

    Parameters
    ----------
    variables : mapping of str to Variable
    errors : mapping of str to str
        What an error's text says before that of its variable, by the suffix of its name.
    """
    described = {}
    for name, variable in variables.items():
        described[name] = variable
        for suffix, text in errors.items():
            described[name + suffix] = replace(variable, text=f"{text}: {variable.text}")
    return described


@dataclass(frozen=True)
class StoreLayout:
    """The variables that a NetCDF store has.

    Parameters
    ----------
    name : str
        Of the store, for messages.
    variables : mapping of str to Variable
    coords : mapping of str to Variable
        Coordinates that are described; a store may have others.
    """

    name: str
    variables: Mapping[str, Variable]
    coords: Mapping[str, Variable] = field(default_factory=dict)

    def check(self, dataset: xr.Dataset) -> xr.Dataset:
        """Return `dataset` if it has every variable along its dimensions, and no others.

        Raises
        ------
        StoreError
            Naming the first variable that is missing, has other dimensions or is not in the layout.
        """
        for name, variable in self.variables.items():
            if name not in dataset:
                if variable.optional:
                    continue
                raise StoreError(f"the {self.name} store lacks the variable {name!r}")
            if dataset[name].dims != variable.dims:
                raise StoreError(
                    f"{name!r} of the {self.name} store has dimensions {dataset[name].dims}, "
                    f"expected {variable.dims}"
                )
        for unknown in dataset.data_vars.keys() - self.variables.keys():
            raise StoreError(
                f"the {self.name} store has the variable {unknown!r}, which its layout lacks: "
                "describe it there, or run the rule that makes the store again"
            )
        return dataset

    def dataset(
        self,
        values: Mapping[str, Any],
        coords: Mapping[str, Any] | None = None,
        attributes: Attributes | None = None,
    ) -> xr.Dataset:
        """Return values by name of their variables as a described dataset, in the order given.

        Coordinates of the layout are described too, others are taken as they are.

        Raises
        ------
        KeyError
            If the layout has no variable of a name.
        """
        described = {name: self.variables[name].of(value) for name, value in values.items()}
        places = {
            name: self.coords[name].of(value) if name in self.coords else value
            for name, value in (coords or {}).items()
        }
        return xr.Dataset(described, places, dict(attributes or {}))

    def describe(self, dataset: xr.Dataset) -> xr.Dataset:
        """Return a dataset whose variables, computed by xarray, are described as the layout says.

        Raises
        ------
        KeyError
            If the layout has no variable of a name.
        """
        described = dataset.copy()
        for name, values in described.data_vars.items():
            values.attrs = self.variables[str(name)].description
        return described

    def write(self, path: str | Path, dataset: xr.Dataset, attributes: Attributes) -> None:
        """Check a dataset and write it, atomically; see `stores.files.write_dataset`."""
        write_dataset(path, self.check(dataset), attributes)

    def read(self, path: str | Path) -> xr.Dataset:
        """Read a store whole and check it; see `stores.files.read_dataset`."""
        return self.check(read_dataset(path))
