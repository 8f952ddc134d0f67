"""Figures by name: which module draws each, what it is drawn from, and how it is told its settings.

Each study lists its own in ``figures/registry.py``. Standard library only: the lists are read whenever
the workflow is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Input:
    """A store or table that a figure is drawn from.

    Parameters
    ----------
    path : str or tuple of str
        Below the results of a preset, with placeholders that name what a configuration asks for, as in
        ``regression/{shown_run}/ed.nc``: see `workflow.figures.selections`. One that stands for
        several names makes a mapping by name of what is read. Several paths are of stores with groups.
    layout : str
        Module below ``stagewise`` and name of the layout, as in ``development.layout:ED``.
    groups : bool
        Whether the store has a group for each setting: it is read as a mapping by setting, and several
        such stores as one.
    """

    path: str | tuple[str, ...]
    layout: str
    groups: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The path, or all of them."""
        return (self.path,) if isinstance(self.path, str) else self.path


@dataclass(frozen=True)
class Figure:
    """A figure of a study; its caption is ``report/<study>/<figure>.rst``.

    A placeholder in a figure's name stands for several figures, one for each name that it stands for;
    in the paths of their inputs it is that name.

    Parameters
    ----------
    inputs : mapping of str to Input
        By keyword of the drawing function.
    settings : mapping of str to str
        By keyword: the key of a configuration, as in ``modular.shown_seed``, or the name of what
        `workflow.figures.derived_values` makes of several.
    constants : mapping of str to Any
        By keyword: values that no configuration changes.
    module : str, optional
        Module below ``stagewise`` whose `draw` is called; by default the one of the figure's own name
        beside the registry.
    """

    inputs: Mapping[str, Input]
    settings: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""


def plain_name(name: str) -> str:
    """Return the name of a figure without its placeholder: that of its module and caption."""
    return PLACEHOLDER.sub("", name).strip("_")
