"""Configuration files as they are written, for what is lost when they are read."""

from __future__ import annotations

from pathlib import Path

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
