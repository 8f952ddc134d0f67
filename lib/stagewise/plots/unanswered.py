"""What stands in a figure where there is no answer: the reason, in words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import pandas as pd

from stagewise.core.unanswered import MARK, UnansweredError
from stagewise.plots import style
from stagewise.plots.drawn import Drawn


@style.context()
def placard(reason: str) -> Drawn:
    """Return a figure that says why there is nothing to draw."""
    figure = style.new_figure(6.5, 1.2)
    text = textwrap.fill(f"Not testable: {reason}", 90)
    ax = figure.subplots()
    ax.axis("off")
    ax.text(0.5, 0.5, text, ha="center", va="center", parse_math=False)
    return Drawn(figure, pd.DataFrame({MARK: [reason]}))


def require_shown(left_out: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Raise `UnansweredError` where a run is left out that a figure is told to show by its name."""
    for run in {value for value in values.values() if isinstance(value, str)} & set(left_out):
        raise UnansweredError(left_out[run], told=True)


@style.context()
def with_reasons(drawn: Drawn, left_out: Mapping[str, str]) -> Drawn:
    """Return a figure below which stands what is not in it, and why; the same figure if all is."""
    if left_out:
        reasons = "; ".join(dict.fromkeys(left_out.values()))
        text = textwrap.fill(f"Not shown, as not testable: {reasons}", 110)
        drawn.figure.supxlabel(text, x=0.01, ha="left", fontsize="small", parse_math=False)
    return drawn
