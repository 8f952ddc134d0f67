"""Prose of a Wikipedia article from its wikitext, by mwparserfromhell."""

from __future__ import annotations

import contextlib
import re

import mwparserfromhell
from mwparserfromhell.nodes import Node, Tag, Wikilink

_BACK_MATTER = re.compile(
    r"^=+ *(see also|references|notes|footnotes|citations|sources|bibliography|further reading|"
    r"external links|works cited)\b.*?=+ *$",
    re.IGNORECASE | re.MULTILINE,
)
_NOT_PROSE = ("table", "ref", "gallery", "math", "timeline")
_NOT_TEXT_LINK = re.compile(r"\s*:?(file|image|category|[a-z]{2,3}(-[a-z]+)*):", re.IGNORECASE)


def prose(wikitext: str) -> str:
    """Return the running text of an article: no templates, tables, notes, images, sources."""
    matter = _BACK_MATTER.search(wikitext)
    code = mwparserfromhell.parse(wikitext[: matter.start()] if matter else wikitext)
    for node in [*code.filter_tags(), *code.filter_wikilinks()]:
        if _is_no_prose(node):
            with contextlib.suppress(ValueError):  # it has gone with one around it
                code.remove(node)
    text = code.strip_code(keep_template_params=False)
    text = re.sub(r"\(\s*[;,]?\s*\)|''+", "", text)  # brackets that held a template; stray quotes
    text = re.sub(r"[ \t]{2,}", " ", text)
    return re.sub(r"\s*\n\s*\n\s*", "\n\n", text).strip()


def _is_no_prose(node: Node) -> bool:
    if isinstance(node, Wikilink):
        return _NOT_TEXT_LINK.match(str(node.title)) is not None
    return isinstance(node, Tag) and str(node.tag).strip().lower() in _NOT_PROSE
