"""The report: figures, verdicts and tables of one preset in a single HTML file.

Everything is inside the file: images as base64, the style as a style sheet of its own, no script.
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import yaml

from stagewise.claims.missing import Missing
from stagewise.stores.seals import verify
from stagewise.workflow.captions import (
    bound_settings,
    caption_settings,
    fill_caption,
    split_caption,
    to_html,
    to_text,
    with_numbers_used,
)
from stagewise.workflow.studies import TITLED

PRESETS: Mapping[str, str] = {
    "smoke": (
        "Every step once, at the smallest sizes. It shows that the pipeline runs; its numbers and "
        "figures have no scientific meaning, and it tests no claim."
    ),
    "laptop": (
        "Scaled down for an ordinary computer: shorter training, smaller batches, fewer checkpoints "
        "and shorter chains than published. Steps are not comparable with the paper's one by one; the "
        "order and kind of stages are."
    ),
    "paper": "The published hyperparameters.",
}

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MARKS = {"supported": "✓", "refuted": "✗", "mixed": "±", "not testable at this scale": "–"}


class ReportError(ValueError):
    """The report cannot be made; the message names the file and the remedy."""


@dataclass(frozen=True)
class Figure:
    """A figure as the report shows it.

    Parameters
    ----------
    name : str
        Name of its files without their endings.
    study : str
        Title of the study that it belongs to.
    title : str
        Of the caption; also what is read out instead of the image.
    paragraphs : tuple of str
        The rest of the caption.
    image : str
        The PNG in base64.
    width, height : int
        Of the image, in pixels.
    files : tuple of str
        Names of the same figure as PDF and of the data behind it.
    fragment : str
        The same as HTML, where the figure is one of text; read from the file beside the PNG.
    """

    name: str
    study: str
    title: str
    paragraphs: tuple[str, ...]
    image: str
    width: int
    height: int
    files: tuple[str, ...]
    fragment: str = ""


def load_figure(png: str | Path, caption: str | Path, settings: Mapping[str, Any]) -> Figure:
    """Read an image and its caption.

    Raises
    ------
    ReportError
        If the image is no PNG.
    stagewise.stores.seals.StoreError
        If image or fragment is missing or damaged.
    stagewise.workflow.captions.CaptionError
        As `workflow.captions.fill_caption`.
    """
    png = verify(png)
    content = png.read_bytes()
    if content[:8] != _SIGNATURE or len(content) < 24:
        raise ReportError(f"{png} is not a PNG image: delete it and run again")
    width, height = struct.unpack(">II", content[16:24])
    title, paragraphs = split_caption(fill_caption(caption, settings))
    study = next((part for part in reversed(png.parts) if part in TITLED), "regression")
    fragment = png.with_suffix(".html")
    return Figure(
        name=png.stem,
        study=TITLED[study].title,
        title=title,
        paragraphs=paragraphs,
        image=base64.b64encode(content).decode("ascii"),
        width=width,
        height=height,
        files=tuple(sorted(p.name for p in png.parent.glob(f"{png.stem}.*") if p != png)),
        fragment=verify(fragment).read_text(encoding="utf-8") if fragment.exists() else "",
    )


def load_figures(
    images: Sequence[str | Path],
    captions: Sequence[str | Path],
    facts: Mapping[str, Any],
    corpus: pd.DataFrame | None = None,
) -> list[Figure]:
    """Read all images, each with its caption filled in from the configuration; see `load_figure`.

    Parameters
    ----------
    images, captions : sequence of str or Path
    facts : mapping
        ``config``, and by figure under ``bound`` what the placeholder in its name stands for; see
        `workflow.captions.bound_settings`.
    corpus : DataFrame, optional
        See `workflow.captions.with_numbers_used`.
    """
    settings = caption_settings(with_numbers_used(facts["config"], corpus))
    return [
        load_figure(image, caption, bound_settings(settings, own))
        for image, caption, own in zip(images, captions, facts["bound"], strict=True)
    ]


def quality_table(
    curves: Sequence[Sequence[str]], summaries: Sequence[pd.DataFrame | Missing]
) -> pd.DataFrame:
    """Return one row a run and sampler setting on how far its LLC estimates can be trusted.

    Parameters
    ----------
    curves : sequence of (study, run, setting)
    summaries : sequence of DataFrame or Missing
        Of each curve; layout `llc.layout.SUMMARY`.

    Returns
    -------
    DataFrame
        ``study, run, setting, checkpoints, saturated, diverged, rhat, ess``: numbers of checkpoints, of
        saturated ones and of those with a diverged chain; medians of R-hat and of the effective
        sample size.
    """
    names = ("study", "run", "setting")
    rows = [
        {
            **dict(zip(names, curve, strict=True)),
            "checkpoints": len(own),
            "saturated": own["saturated"].sum(),
            "diverged": (own["num_diverged"] > 0).sum(),
            "rhat": own["rhat"].median(),
            "ess": own["ess"].median(),
        }
        for curve, own in zip(curves, summaries, strict=True)
        if not isinstance(own, Missing)
    ]
    columns = [*names, "checkpoints", "saturated", "diverged", "rhat", "ess"]
    return pd.DataFrame(rows, columns=columns)


def epochs(corpus: pd.DataFrame, language: Mapping[str, Any]) -> float:
    """Return how often a run of the language study sees each token that it is trained on.

    Parameters
    ----------
    corpus : DataFrame
        Layout `language.layout.CORPUS`.
    language : mapping
        The part ``language`` of the configuration.
    """
    training = language["training"]
    seen = training["num_steps"] * training["batch_size"] * language["context_length"]
    return float(seen / corpus.loc[corpus["split"] == "train", "num_tokens"].sum())


def render_report(
    template: str,
    style: str,
    *,
    config: Mapping[str, Any],
    figures: Sequence[Figure],
    claims: pd.DataFrame,
    changes: Mapping[str, Sequence[Mapping[str, str]]],
    milestones: Sequence[tuple[str, str, str, pd.DataFrame | Missing]],
    quality: pd.DataFrame,
    corpus: pd.DataFrame | None,
    cost: pd.DataFrame | None,
    runs: Sequence[Mapping[str, Any]],
    origin: Mapping[str, str],
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    template, style : str
        The jinja2 template and the style sheet.
    config : mapping
        The configuration that made everything.
    figures : sequence of Figure
    claims : DataFrame
        Layout `claims.layout.CLAIMS`.
    changes : mapping of str to sequence of mapping
        By claim, ``date``, ``what`` and ``why`` of each later change of its criterion.
    milestones : sequence of (study, run, setting, DataFrame or Missing)
        Layout `development.layout.MILESTONES`; a curve without any is shown as such, or with the reason.
    quality : DataFrame
        Result of `quality_table`.
    corpus : DataFrame, optional
        Layout `language.layout.CORPUS`; without it nothing is said of text.
    cost : DataFrame, optional
        Layout `workflow.layout.COST`; without it nothing is said of costs.
    runs : sequence of mapping
        One a run, with the same keys; the keys are the headings.
    origin : mapping of str to str
        Result of `stores.provenance.provenance`.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"number": _number, "slug": _slug, "html": to_html, "text": to_text}
    numbered = list(enumerate(figures, start=1))
    preset = config["preset"]
    records: list[Any] = claims.to_dict("records")
    return environment.from_string(template).render(
        style=style,
        preset=preset,
        meaning=PRESETS.get(preset, "A preset of your own."),
        studies=[(k, list(group)) for k, group in groupby(numbered, key=lambda n: n[1].study)],
        numbers={figure.name: number for number, figure in numbered},
        claims=records,
        changes=changes,
        counts=claims["verdict"].value_counts().to_dict(),
        marks=_MARKS,
        milestones=[
            (*curve, own if isinstance(own, Missing) else own.to_dict("records"))
            for *curve, own in milestones
        ],
        quality=quality.to_dict("records"),
        corpus=None if corpus is None else corpus.to_dict("records"),
        epochs=None if corpus is None else epochs(corpus, config["language"]),
        repeated=config["language"]["training"]["repeated_share"],
        cost=None if cost is None else cost.to_dict("records"),
        total=None if cost is None else {name: cost[name].sum() for name in ("jobs", "cpu_s")},
        runs=runs,
        origin=origin,
        config=yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True),
    )


def _number(value: float, digits: int = 0) -> str:
    """Return a number with a fixed number of decimals, or a dash for none."""
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


def _slug(text: str) -> str:
    """Return text as it may stand in an anchor or a class name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
