"""The schema of config.yaml and its reference page, made of the settings that the configuration becomes.

``python -m stagewise.workflow.schema`` writes both anew: config/schema.yaml, which editors read, and
docs/configuration.md.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml

from stagewise.core.entries import Changes, Derived, left_out, marks_of, settings_in
from stagewise.core.fields import in_words, limits, types_of
from stagewise.workflow.config import completed
from stagewise.workflow.configuration import OPTIONAL, Configuration, whole_schema

_MADE = (
    "made of the settings' dataclasses by python -m stagewise.workflow.schema; not to be edited."
)

_ELSEWHERE: Mapping[str, Any] = {}
"""Values of settings whose keys are those of others on the page."""

_PAGE = """<!-- {made} -->
# Configuration

Every key of config/config.yaml, the complete configuration with the published settings; presets change
some of them. `<name>` stands for names of your own. Settings of experiments state what they change of
`base`, samplers what they change of the one that they are `like`, variants what they change of a study.

"""


@functools.cache
def texts_of(settings: Any) -> dict[str, str]:
    """Return the text below each field; without one, what the field's own settings say of themselves."""
    texts: dict[str, str] = {}
    for base in reversed(settings.__mro__[:-1]):
        body = ast.parse(inspect.getsource(base)).body[0].body  # type: ignore[attr-defined]
        for node, after in zip(body, [*body[1:], None], strict=True):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            name = node.target.id
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                texts[name] = " ".join(str(after.value.value).split())
            else:
                texts[name] = _own_text(settings_in(types_of(base)[name]))
    return texts


def _own_text(settings: Any) -> str:
    return (inspect.getdoc(settings) or "").partition("\n")[0]


def parts_of(text: str) -> tuple[str, str, str]:
    """Return symbol, sentence and unit of a field's text."""
    found = re.fullmatch(r"(?:\[(.+?)\] )?(.*?\.)(?: Unit: (.+)\.)?", text)
    return (found[1] or "", found[2], found[3] or "") if found else ("", text, "")


def description(settings: Any, field: str | None) -> str:
    """Return the text below a field as a sentence, its symbol and unit in brackets at the end.

    Without a field, what the settings say of themselves.
    """
    if field is None:
        return _own_text(settings)
    symbol, sentence, unit = parts_of(texts_of(settings)[field])
    extra = "; ".join(part for part in (symbol, unit and f"unit: {unit}") if part)
    return f"{sentence.removesuffix('.')} [{extra}]." if extra else sentence


def schema_file() -> str:
    """Return the text of the schema."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole_schema(written=True, describe=description),
    }
    text = yaml.safe_dump(
        schema, sort_keys=False, allow_unicode=True, default_flow_style=None, width=10**6
    )
    return f"# Schema of config.yaml, {_MADE}\n{text}"


def reference_page(config: Mapping[str, Any]) -> str:
    """Return the text of the reference page; `config` holds the published values."""
    lines = [*_sections(Configuration, "", completed(config))]
    for name, kind in OPTIONAL.items():
        lines += [
            f"## `{name}`",
            "",
            _own_text(settings_in(kind)),
            "",
            *_sections(kind, name, None),
        ]
    return _PAGE.format(made=_MADE) + "\n".join(lines) + "\n"


def _sections(kind: Any, path: str, value: Any) -> Iterator[str]:
    """Yield the table of settings, and after it those of the settings inside them."""
    settings, inside = settings_in(kind), []
    rows = []
    for name, part in types_of(settings).items():
        if name in left_out(kind):
            continue
        place = f"{path}.{name}" if path else name
        known = value.get(name) if isinstance(value, Mapping) else None
        found, text = _settings_below(part, place, known), texts_of(settings)[name]
        if found is not None:
            inside.append((*found, text))
            continue
        symbol, sentence, unit = parts_of(text)
        shown = "" if known is None and value is None else f"`{_shown(known)}`"
        cells = (f"`{name}`", in_words(limits(part)), shown, symbol, unit, sentence)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if rows:
        yield from ("| key | value | published | symbol | unit | |", "|" + " --- |" * 6, *rows, "")
    for below, place, known, text in inside:
        yield from (f"{'##' if '.' in place else '#'}# `{place}`", "", text, "")
        if known is not _ELSEWHERE:
            yield from _sections(below, place, known)


def _settings_below(kind: Any, place: str, value: Any) -> tuple[Any, str, Any] | None:
    """Return settings that a field holds, by name where it is a map, with their place and values."""
    changes = [mark for mark in marks_of(kind) if isinstance(mark, Changes | Derived)]
    if changes and getattr(changes[0], "key", None) is None:
        return kind, place, _ELSEWHERE
    if settings_in(kind) is not None:
        return kind, place, value
    if get_origin(kind) is Mapping:
        return _settings_below(get_args(kind)[1], f"{place}.<name>", None)
    return None


def _shown(value: Any) -> str:
    return (
        yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
    )


def main(root: Path) -> None:
    """Write both files anew."""
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    (root / "config/schema.yaml").write_text(schema_file())
    (root / "docs/configuration.md").write_text(reference_page(config))


if __name__ == "__main__":
    main(Path(*sys.argv[1:]))
