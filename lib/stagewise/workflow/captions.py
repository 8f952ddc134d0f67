"""Captions: plain text with placeholders for settings, and the little markup that they use."""

from __future__ import annotations

import copy
import difflib
import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import markupsafe
import pandas as pd

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class CaptionError(ValueError):
    """A caption cannot be used; the message names the file and the remedy."""


def caption_settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a caption's placeholders may name, from a checked configuration.

    A sampler's settings are there under one name each, ``{local_n_beta}``, and as a mapping,
    ``{local[n_beta]}``.
    """
    study = config["regression"]
    variants = study["variants"]
    finite = [v["settings"].get("task", {}).get("num_tasks") for v in variants.values()]
    values: dict[str, Any] = {
        **{name: part for name, part in config.items() if isinstance(part, Mapping)},
        "preset": config["preset"],
        "language_text": _language_text(config["language"]["training"]),
        "num_seeds": len(variants["base"]["seeds"]),
        "shown_seed": config["figures"]["shown_seed"],
        "num_tasks": next((count for count in finite if count), "infinitely many"),
        "num_llc_checkpoints": study["llc"]["num_checkpoints"],
        "num_samples": study["llc"]["num_samples"],
        "num_trajectory_contexts": study["trajectory"]["num_contexts"],
        "num_trajectory_steps": study["trajectory"]["num_steps"],
        "num_contexts": study["evaluation"]["num_contexts"],
        "published_num_steps": study["published"]["num_steps"],
    }
    values |= {f"validation_{key}": value for key, value in config["validation"].items()}
    values |= {f"form_rates_{key}": value for key, value in config["form_rates"].items()}
    values |= {f"opinion_{key}": value for key, value in config["second_opinion"].items()}
    values |= {f"failure_{key}": value for key, value in study["llc"]["failures"].items()}
    for name, setting in study["llc"]["settings"].items():
        values |= {name: setting, **{f"{name}_{key}": value for key, value in setting.items()}}
    for section in ("forms", "stages", "essential_dynamics", "training", "network", "task"):
        values = {**study[section], **values}
    return values


def with_numbers_used(config: Mapping[str, Any], corpus: pd.DataFrame | None) -> dict[str, Any]:
    """Return a configuration in which rows of text are as many as there were, where more are asked for.

    Parameters
    ----------
    config : mapping
        A checked configuration.
    corpus : pandas.DataFrame, optional
        Layout `language.layout.CORPUS`; without it nothing is known of the text.
    """
    if corpus is None:
        return dict(config)
    language = copy.deepcopy(config["language"])
    tokens = corpus.groupby("split")["num_tokens"].sum()
    for section, name, split in (
        ("trajectory", "num_contexts", "validation"),
        ("evaluation", "num_rows", "validation"),
        ("llc", "num_samples", language["llc"]["source"]),
    ):
        present = int(tokens.get(split, 0)) // language["context_length"]
        language[section][name] = min(language[section][name], present)
    return {**config, "language": language}


def bound_settings(settings: Mapping[str, Any], bound: Mapping[str, str]) -> dict[str, Any]:
    """Return what a caption that several figures share may name, for one of these figures.

    Parameters
    ----------
    settings : mapping
        Result of `caption_settings`.
    bound : mapping of str to str
        What the placeholder in the figure's name stands for: a sampler setting of the regression study,
        or a model on which settings are swept.
    """
    values = {**settings, **bound}
    if "common_setting" in bound:
        values["sampler"] = settings[bound["common_setting"]]
    if "own_setting" in bound:
        values["sampler"] = settings["own"]["llc"]["settings"][bound["own_setting"]]
    if "calibrated_model" in bound:
        name = bound["calibrated_model"]
        values["sampler"] = settings["calibration"][name]["sampler"]
        values["model"] = _calibrated_model(name, settings)
    return values


def _calibrated_model(name: str, settings: Mapping[str, Any]) -> str:
    """Return what a caption calls a model on which sampler settings are swept."""
    if name == "transformer":
        return f"seed {settings['shown_seed']} of the regression transformer"
    model = settings["calibration"][name]["model"]
    if name == "modular":
        return (
            f"a modular-addition network (p = {model['task']['modulus']}, trained for "
            f"{model['training']['num_steps']:,} steps)"
        )
    return (
        "a reduced rank regression whose learning coefficient is known "
        f"({model['num_inputs']} inputs, {model['num_hidden']} hidden units, {model['num_outputs']} "
        f"outputs, true rank {model['rank']}, {model['num_samples']} samples)"
    )


def _language_text(training: Mapping[str, Any]) -> str:
    """Return what captions say of rows that were made repetitive; nothing where none were."""
    share = training["repeated_share"]
    if not share:
        return ""
    return (
        f"In training {100 * share:.0f} % of the rows repeat a passage of their own text; measures are "
        "taken on text as it is."
    )


def fill_caption(path: str | Path, settings: Mapping[str, Any]) -> str:
    """Return a caption with its placeholders filled in.

    Parameters
    ----------
    path : str or Path
        Plain text with placeholders as in ``{num_steps}``. A number without a format of its own is
        written for reading: 25,000 and 5 × 10⁻⁵.
    settings : mapping
        Result of `caption_settings`.

    Raises
    ------
    CaptionError
        If the file is missing or empty, or a placeholder is unknown or malformed.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise CaptionError(f"{path} cannot be read: write the caption of this figure") from error
    if not text:
        raise CaptionError(f"{path} is empty: write the caption of this figure")
    try:
        return _Formatter().vformat(text, (), settings)
    except KeyError as error:
        name = str(error.args[0])
        close = difflib.get_close_matches(name, settings, n=1)
        hint = f"did you mean {{{close[0]}}}?" if close else "caption_settings has the known ones"
        raise CaptionError(f"{path} has the unknown placeholder {{{name}}}; {hint}") from error
    except (ValueError, TypeError) as error:
        raise CaptionError(
            f"{path} has a malformed placeholder ({error}): write a brace of the text twice"
        ) from error


class _Formatter(string.Formatter):
    """Formats numbers for reading; names every unknown placeholder by a KeyError."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        try:
            return super().get_field(field_name, args, kwargs)
        except (LookupError, AttributeError, TypeError) as error:
            raise KeyError(field_name) from error

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec or isinstance(value, bool):
            return super().format_field(value, format_spec)
        if isinstance(value, int):
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        if isinstance(value, float):
            mantissa, mark, exponent = f"{value:g}".partition("e")
            power = str(int(exponent)).translate(_SUPERSCRIPT) if mark else ""
            return f"{mantissa}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{power}" if mark else mantissa
        return str(value)


def split_caption(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the title of a caption, its first sentence or what it begins with in bold, and the rest.

    Returns
    -------
    title : str
        Without full stop.
    paragraphs : tuple of str
    """
    first, *others = (" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))
    bold = re.match(r"\*\*(.+?)\*\*\s*", first)
    if bold:
        title, rest = bold[1], first[bold.end() :]
    else:
        title, _, rest = first.partition(". ")
    return title.rstrip("."), tuple(part for part in (rest, *others) if part)


def to_html(text: str) -> markupsafe.Markup:
    """Return text as HTML: ``literals`` as code, **bold** as such, everything else escaped."""
    escaped = str(markupsafe.escape(text))
    escaped = re.sub(r"``(.+?)``", r"<code>\1</code>", escaped)
    return markupsafe.Markup(re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", escaped))


def to_text(text: str) -> str:
    """Return text without its markup."""
    return re.sub(r"``|\*\*", "", text)
