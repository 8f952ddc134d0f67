"""Configurations as they are written, in files or on the command line, for what is lost in reading."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from stagewise.workflow.config import ConfigError

# By libyaml, where it is there, in a tenth of the time.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def require_distinct_keys(path: str | Path) -> None:
    """Refuse a configuration file in which a mapping has a key twice, of which YAML keeps the last.

    Raises
    ------
    ConfigError
        Naming file, key and both lines.
    """
    with Path(path).open() as file:
        root = yaml.compose(file, Loader=LOADER)
    _check(root, (), path)


def typed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``--config`` gave with the types of YAML.

    Snakemake reads ``--config "regression={training: {num_steps: 30}}"`` with every value in braces as
    text.
    """
    return {name: _typed(value) if _holds(value) else value for name, value in given.items()}


def _holds(value: Any) -> bool:
    return isinstance(value, Mapping | list)


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _typed(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_typed(part) for part in value]
    read = yaml.load(value, Loader=LOADER) if isinstance(value, str) else value
    return value if _holds(read) else read


def _check(node: yaml.Node | None, place: tuple[str, ...], path: str | Path) -> None:
    if isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            _check(entry, (*place, str(number)), path)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            inner = (*place, name)
            if name in lines:
                raise ConfigError(
                    f"config: {path} has '{'.'.join(inner)}' twice, in lines {lines[name]} and "
                    f"{line}, and only the second would count; put what they hold under one of them"
                )
            lines[name] = line
            _check(value, inner, path)
